// group.h - group normalization: each example by its mean and variance over groups of channels, at all positions
// together (Wu and He 2018).
//
//   g (a - mean) / sqrt(variance + eps) + b, with g and b of each channel
//
// One group is LayerNorm over all, as many as channels is InstanceNorm.
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

struct GroupNorm {
  Index groups = 32;  // runs of neighbouring units, which they share evenly
  NormEps eps = {};

  static constexpr NormTraits kTraits = {.on_sums = true, .per_example = true};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const GroupNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site);

}  // namespace normlab::nn
