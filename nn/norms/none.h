// none.h - no normalisation: a + b, with b under "bias", the only part of its affine.
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

struct NoNorm {
  static constexpr NormTraits kTraits = {};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const NoNorm& norm, const AffineSpec& affine, const BasicScope<T>& scope,
                                              const Site& site);

}  // namespace normlab::nn
