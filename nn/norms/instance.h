// instance.h - instance normalization: each channel of each example by its mean and variance over the positions
// (Ulyanov et al. 2016).
//
//   g (a - mean) / sqrt(variance + eps) + b, with g and b of each channel
//
// Of sites with several positions: over one, every value would be its own mean.
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

struct InstanceNorm {
  NormEps eps = {};

  static constexpr NormTraits kTraits = {.on_sums = true, .per_example = true};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const InstanceNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site);

}  // namespace normlab::nn
