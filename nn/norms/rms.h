// rms.h - root-mean-square normalization: layer norm without re-centring (Zhang and Sennrich 2019).
//
//   g a / sqrt(average(a^2) + eps) + b, the average over what layer.h says of its variance
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

struct RmsNorm {
  NormOver over = NormOver::kAll;
  NormEps eps = {};
  bool per_element = false;  // with kAll: a gain and a bias for each unit at each position

  static constexpr NormTraits kTraits = {.on_sums = true, .per_example = true};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const RmsNorm& norm, const AffineSpec& affine, const BasicScope<T>& scope,
                                              const Site& site);

}  // namespace normlab::nn
