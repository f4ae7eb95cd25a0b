#include "results/stats/margin.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace normlab::stats {
namespace {

// P(X >= k) for X ~ Binomial(n, 1/2).
double SignTail(std::size_t n, std::size_t k) {
  double term = std::ldexp(1.0, -static_cast<int>(n)), sum = 0;
  for (std::size_t i = 0; i <= n - k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return std::min(1.0, sum);
}

}  // namespace

std::optional<MarginTest> TestMean(std::span<const double> values, Interval margin) {
  if (!HasSpread(values)) {
    return std::nullopt;
  }
  const double mean = Mean(values);
  const double error = SampleSd(values) / std::sqrt(static_cast<double>(values.size()));
  const boost::math::students_t student(static_cast<double>(values.size() - 1));
  const auto beyond = [&](double distance) {
    return boost::math::cdf(boost::math::complement(student, distance / error));
  };
  const bool above = mean - margin.hi > margin.lo - mean;
  return MarginTest{.p_inside = std::max(beyond(mean - margin.lo), beyond(margin.hi - mean)),
                    .p_outside = above ? std::min(1.0, beyond(mean - margin.hi) + beyond(mean - margin.lo))
                                       : std::min(1.0, beyond(margin.lo - mean) + beyond(margin.hi - mean)),
                    .above = above};
}

MarginTest TestMedian(std::span<const Bounded> values, Interval margin) {
  std::size_t over_lo = 0, under_hi = 0, above = 0, below = 0;
  for (const Bounded& value : values) {
    over_lo += value.lo > margin.lo ? 1 : 0;
    under_hi += value.hi < margin.hi ? 1 : 0;
    above += value.lo > margin.hi ? 1 : 0;
    below += value.hi < margin.lo ? 1 : 0;
  }
  const std::size_t n = values.size();
  return {.p_inside = std::max(SignTail(n, over_lo), SignTail(n, under_hi)),
          .p_outside = std::min(1.0, 2 * SignTail(n, std::max(above, below))),
          .above = above > below};
}

}  // namespace normlab::stats
