// shared_weight.h - a weight that one pass over a sequence applies at many time steps.
//
// The first use since the tape's reset() makes the weight anew (weight norm) and packs it; later uses multiply with the
// packed copy. On the way back each use computes its input's gradient alone; the weight's own gradient is one product
// over all time steps, dW = sum_t dy_t x_t^T, when the first use has gone back. For that the gradients of all uses lie
// side by side in the arena, where the ops above write them in place.
//
//   forward   y_t  = W x_t       for each use, or for a whole sequence F x (T*B) at once
//   backward  dx_t = W^T dy_t    for each use
//             dW   = dY X^T      once, X and dY of all uses that a gradient reached
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
  BasicVar<T> operator()(BasicVar<T> x);

 private:
  struct Use;
  struct Pass;

  Pass& pass_on(BasicTape<T>& tape);
  static void lay_side_by_side(Pass& pass);
  static void weight_gradient(const Pass& pass);
  void input_gradient(Pass& pass, BasicVar<T> x, const T* dy);

  BasicParameter<T>& weight_;
  BasicNormalizer<T>& normalizer_;
  PackedWeight<T> forward_, backward_;
};

using SharedWeight = BasicSharedWeight<float>;

extern template class BasicSharedWeight<float>;
extern template class BasicSharedWeight<double>;

}  // namespace normlab::nn
