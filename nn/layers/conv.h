// conv.h - a convolutional layer: weight and normalizer. The non-linearity is the model's.
#pragma once

#include <memory>

#include "nn/init.h"
#include "nn/normalizer.h"
#include "nn/ops/conv.h"

namespace normlab::nn {

// x -> N(W * x), C' x (P' B) from C x (P B). Its bias, if any, is the normalizer's.
// Parameters: "weight" [out, height, width, in], and what the normalizer adds. Borrows the scope's store, which outlives
// it. Errors: nn::Error for sizes that do not fit.
template <typename T>
class BasicConv2d {
 public:
  BasicConv2d(const BasicScope<T>& scope, const Image& input, Index out, const ConvSpec& spec, const NormSpec& norm,
              const Initializer& initializer = init::glorot_uniform());

  BasicVar<T> operator()(BasicVar<T> x, const Step& step);

  const Image& output() const { return output_; }
  BasicParameter<T>& weight() { return weight_; }
  BasicNormalizer<T>& normalizer() { return *normalizer_; }

 private:
  Image input_, output_;
  ConvSpec spec_;
  BasicParameter<T>& weight_;
  std::unique_ptr<BasicNormalizer<T>> normalizer_;
};

using Conv2d = BasicConv2d<float>;

extern template class BasicConv2d<float>;
extern template class BasicConv2d<double>;

}  // namespace normlab::nn
