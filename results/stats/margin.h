// margin.h - is a mean within a margin, or shown to be outside it? Never "not significant, so equal".
//
// Thread safety: free functions.
#pragma once

#include <optional>
#include <span>

#include "results/stats/paired.h"

namespace normlab::stats {

struct MarginTest {
  double p_inside = 1;   // of the null that the true value lies outside the margin: small shows that it is inside
  double p_outside = 1;  // of the null that it lies inside
  bool above = false;    // where it would be outside: above the margin or below
};

// Two one-sided Student tests (Schuirmann 1987): p_inside is the larger of the two, and is below 0.05 exactly where the
// 90 % interval of the mean lies within the margin. p_outside adds up both edges' one-sided p's: with a margin of no
// width it is the two-sided test. Absent below two values, where one is not finite, and for equal values, whose spread
// nobody knows.
std::optional<MarginTest> TestMean(std::span<const double> values, Interval margin);

// The same of the median, by sign tests: for values of which some are only known to lie between bounds. Five values
// cannot show more than p = 0.031.
MarginTest TestMedian(std::span<const Bounded> values, Interval margin);

}  // namespace normlab::stats
