// shared_weight.h - a weight that one pass over a sequence applies at many time steps.
//
// The first use since the tape's reset() makes the weight anew (weight norm) and packs it; later uses multiply with the
// packed copy. On the way back each use computes its input's gradient alone; the weight's own gradient is one product
// over all time steps, dW = sum_t dy_t x_t^T, when the first use has gone back. For that the gradients of all uses lie
// side by side in the arena, where the ops above write them in place.
//
//   forward   y_t  = W x_t       for each use, or for a whole sequence F x (T*B) at once
//             y_t  = b_t + W x_t in the memory of b_t, which is some other product: onto()
//   backward  dx_t = W^T dy_t    for each use
//             dW   = dY X^T      once, X and dY of all uses that a gradient reached; of two weights that share dY at
//             once
//
// The values of the weight must not change between two resets. It does not add a bias: see shared_linear.h.
//
// Threads: one. Owns the packed copies and borrows the parameter; both must outlive the tape's pass.
#pragma once

#include "nn/normalizer.h"
#include "nn/ops/packed_weight.h"
#include "nn/parameter.h"
#include "nn/tape.h"

namespace normlab::nn {

template <typename T>
class BasicSharedWeight {
 public:
  // `normalizer` rewrites the weight [out x in] once a pass; both are borrowed.
  BasicSharedWeight(BasicParameter<T>& weight, BasicNormalizer<T>& normalizer)
      : weight_(weight), normalizer_(normalizer) {}
  BasicSharedWeight(const BasicSharedWeight&) = delete;
  BasicSharedWeight& operator=(const BasicSharedWeight&) = delete;

  // W x, out x B from in x B [LN eq 1]. No gradient is computed for an x that needs none.
  BasicVar<T> operator()(BasicVar<T> x) { return use(x, {}); }

  // base + W x in the memory of base, a result that nothing else may use: it becomes this one.
  BasicVar<T> onto(BasicVar<T> base, BasicVar<T> x) { return use(x, base); }

  // Says that this weight's products are what `other` is put onto. Where that is so, use by use, both have the same
  // output gradients, keep them once and multiply with them once. Borrows `other`.
  void share_gradients_with(const BasicSharedWeight& other) { other_ = &other; }

 private:
  struct Use;
  struct Pass;

  BasicVar<T> use(BasicVar<T> x, BasicVar<T> base);
  Pass& pass_on(BasicTape<T>& tape);
  void lay_side_by_side(Pass& pass) const;
  Pass* sharing(const Pass& pass) const;
  static const Use* copy_inputs(const Use* use, Index cols, Index stride, T* end);
  static void weight_gradient(Pass& pass);
  void input_gradient(Pass& pass, BasicVar<T> x, const T* dy);

  BasicParameter<T>& weight_;
  BasicNormalizer<T>& normalizer_;
  PackedWeight<T> forward_, backward_;
  const BasicSharedWeight* other_ = nullptr;
};

using SharedWeight = BasicSharedWeight<float>;

extern template class BasicSharedWeight<float>;
extern template class BasicSharedWeight<double>;

}  // namespace normlab::nn
