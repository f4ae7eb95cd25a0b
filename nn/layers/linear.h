// linear.h - a fully connected layer: weight and normalizer. The non-linearity is the model's.
#pragma once

#include <memory>

#include "nn/init.h"
#include "nn/normalizer.h"

namespace normlab::nn {

// x -> N(W x), F x B from in x B [LN eq 1], [LN eq 3]. Its bias, if any, is the normalizer's.
// Parameters: "weight" [out x in], and what the normalizer adds. Borrows the scope's store, which outlives it.
template <typename T>
class BasicLinear {
 public:
  BasicLinear(const BasicScope<T>& scope, Index in, Index out, const NormSpec& norm,
              const Initializer& initializer = init::glorot_uniform());

  BasicVar<T> operator()(BasicVar<T> x, const Step& step);

  BasicNormalizer<T>& normalizer() { return *normalizer_; }

 private:
  BasicParameter<T>& weight_;
  std::unique_ptr<BasicNormalizer<T>> normalizer_;
};

using Linear = BasicLinear<float>;

extern template class BasicLinear<float>;
extern template class BasicLinear<double>;

}  // namespace normlab::nn
