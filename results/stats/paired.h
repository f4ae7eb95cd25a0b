// paired.h - two arms compared seed by seed: the same seed gives both the same initial weights and data order.
//
// Sides are what is compared, A against B; a negative difference says A is lower. Thread safety: free functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "results/stats/outcome.h"

namespace normlab::stats {

// Exact sign-flip test, two-sided: of all 2^n ways to flip signs, the share whose |sum| is at least the observed one.
// Needs nothing but symmetry under the null. Its smallest value is 2^(1-n): six pairs are the floor for p < 0.05.
// Absent for no values, for more than kMaxFlipPairs, and if a value is not finite.
std::optional<double> SignFlipP(std::span<const double> differences);
inline constexpr int kMaxFlipPairs = 24;

// Holm's step-down adjustment (Holm 1979), in the order given. Values stay in [0, 1].
std::vector<double> HolmAdjust(std::span<const double> p);

struct MedianEstimate {
  Interval median;                   // lo == hi where the data identify it
  std::optional<Interval> interval;  // of the median; absent when there are too few pairs for the confidence
};

// The order-statistics interval of the median difference: it holds for any distribution, needs no finite values, and
// uses every pair. At 95 % it takes six pairs.
MedianEstimate MedianDifference(std::span<const Bounded> differences, double confidence);

}  // namespace normlab::stats
