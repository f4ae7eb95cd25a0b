// transformations.h - the six transformations of Table 1, and how far each moves the outputs of a normalised layer.
//
//   y = N(W x), W: units x inputs, x: inputs x examples; no bias stands before the normaliser, whose gain and bias
//   stay.
//
//   matrix re-scaling      W' = delta W                            [LN tab 1, LN sec 5.1]
//   matrix re-centring     W' = delta W + 1 gamma^T                [LN eq 6]
//   vector re-scaling      w_i' = delta w_i for one unit i
//   data set re-scaling    x' = delta x for all examples
//   data set re-centring   x' = x + gamma for all examples
//   single-case re-scaling x' = delta x for one example            [LN eq 7]
//
// Every delta is above 0: below, signs turn and nothing is invariant.
#pragma once

#include <array>
#include <cstdint>

#include "nn/normalizer.h"

namespace normlab {

inline constexpr int kTransformations = 6;
// "matrix_rescaling", in the order above.
extern const std::array<const char*, kTransformations> kTransformationNames;

struct InvarianceSetting {
  nn::NormSpec norm;
  nn::Index inputs = 48, units = 64, examples = 32;
  double weight_scale = 1;  // standard deviation of summed inputs of N(0, 1) data
};

// Of one random layer, keyed by (seed, trial): |y' - y| / |y|, root mean squares over the outputs that the paper speaks
// of: all of them, or for a single case those of that case. Batch norm uses the statistics of the batch it is given. T:
// float, double.
template <typename T>
std::array<double, kTransformations> InvarianceResiduals(const InvarianceSetting& setting, std::uint64_t seed,
                                                         std::uint64_t trial);

extern template std::array<double, kTransformations> InvarianceResiduals<float>(const InvarianceSetting&, std::uint64_t,
                                                                                std::uint64_t);
extern template std::array<double, kTransformations> InvarianceResiduals<double>(const InvarianceSetting&,
                                                                                 std::uint64_t, std::uint64_t);

}  // namespace normlab
