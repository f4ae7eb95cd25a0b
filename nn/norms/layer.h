// layer.h - layer normalization: each example by its mean and variance over the units of the layer [LN eq 3].
//
//   g (a - mean) / sqrt(variance + eps) + b
//
// In a convolution the paper does not say what "the units of the layer" are [LN sec 6.7]. kAll reads it as C x H x W,
// all hidden units; kPosition as the C channels at each position, as in later transformers and ConvNeXt; kPositions as
// the H x W of each channel, what Zhang and Sennrich 2019 compare RMSNorm with. Nor does it say whether g and b belong
// to a channel or to each element: here to the channel, like a convolution's bias; `per_element` is PyTorch's LayerNorm.
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

struct LayerNorm {
  NormOver over = NormOver::kAll;
  NormEps eps = {};
  bool per_element = false;  // with kAll: a gain and a bias for each unit at each position

  static constexpr NormTraits kTraits = {.on_sums = true, .per_example = true};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const LayerNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site);

}  // namespace normlab::nn
