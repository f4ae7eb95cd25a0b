// identities.h - what a loss must obey that does not change when its weights are scaled, measured on random layers.
//
//   orthogonality    <grad L(W), W> = 0                                over |grad| |W|
//   gradient scale   grad L(c W) = grad L(W) / c                       relative difference
//   norm growth      |W - eta g|^2 = |W|^2 + eta^2 |g|^2               over eta^2 |g|^2
//   effective rate   c W after a step with rate c^2 eta is c times W after one with eta
//   curvature        of all weights, E |J^T v|^2 for the Jacobian J of the outputs, is a quarter at 2 W [LN sec 5.2]
//   own curvature    the same of one unit's weights when they alone are doubled. Layer normalisation shares its
//                    deviation among units: its answer is "No", although the paper speaks of one vector
//
// The loss is L = sum |y - target|^2 / 2 with a fixed random target; for the curvatures v is fixed and random.
#pragma once

#include <array>
#include <cstdint>

#include "experiments/invariance/transformations.h"

namespace normlab {

inline constexpr int kIdentities = 6;
// "orthogonality", in the order above.
extern const std::array<const char*, kIdentities> kIdentityNames;

// How far the layer of (seed, trial) is from each, as a relative error. T: float, double.
template <typename T>
std::array<double, kIdentities> IdentityResiduals(const InvarianceSetting& setting, std::uint64_t seed,
                                                  std::uint64_t trial);

extern template std::array<double, kIdentities> IdentityResiduals<float>(const InvarianceSetting&, std::uint64_t,
                                                                         std::uint64_t);
extern template std::array<double, kIdentities> IdentityResiduals<double>(const InvarianceSetting&, std::uint64_t,
                                                                          std::uint64_t);

}  // namespace normlab
