// weight.h - weight normalization: a + b, with w = g v / |v| for the weights v of each unit [LN sec 5.1].
//
// g starts at gain_init whatever the weights' initializer draws: a unit's weights start with that length. b stands
// under "bias". Without an affine part of its own, g counts as 1.
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

struct WeightNorm {
  static constexpr NormTraits kTraits = {.on_weights = true};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const WeightNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site);

}  // namespace normlab::nn
