// shared_linear.h - the fully connected layer of recurrent models: BasicLinear, applied at many time steps of one pass
// with one packing of the weight and one product for its gradient (shared_weight.h says how).
#pragma once

#include <memory>

#include "nn/init.h"
#include "nn/layers/shared_weight.h"

namespace normlab::nn {

// x_t -> N(W x_t), F x B from in x B [LN eq 1], [LN eq 3]; the normalizer is given the time step, its bias is the
// layer's. Parameters as BasicLinear's: "weight" [out x in] and what the normalizer adds. Use it where a weight meets
// more than one input a pass, and for whole sequences in x (T*B) at once (then batch norm's statistics are one for all
// time steps). Borrows the scope's store, which outlives it.
template <typename T>
class BasicSharedLinear {
 public:
  BasicSharedLinear(const BasicScope<T>& scope, Index in, Index out, const NormSpec& norm,
                    const Initializer& initializer = init::glorot_uniform());

  BasicVar<T> operator()(BasicVar<T> x, const Step& step) { return normalizer_->sums(weight_(x), step); }
  // W x_t alone, for ops that normalise it themselves.
  BasicVar<T> product(BasicVar<T> x) { return weight_(x); }

  // base + W x_t in the memory of base, the product of another layer that nothing else uses; see shared_weight.h.
  BasicVar<T> product_onto(BasicVar<T> base, BasicVar<T> x) { return weight_.onto(base, x); }
  // Says that products of `other` are put onto this layer's.
  void share_gradients_with(const BasicSharedLinear& other) { weight_.share_gradients_with(other.weight_); }

  BasicNormalizer<T>& normalizer() { return *normalizer_; }

 private:
  std::unique_ptr<BasicNormalizer<T>> normalizer_;
  BasicSharedWeight<T> weight_;
};

using SharedLinear = BasicSharedLinear<float>;

extern template class BasicSharedLinear<float>;
extern template class BasicSharedLinear<double>;

}  // namespace normlab::nn
