// curve.h - values along an axis, and the mean of several such curves.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "results/stats/summary.h"

namespace normlab::stats {

struct Curve {
  std::vector<double> x;  // rising
  std::vector<double> y;  // NaN is a value like others

  // Whether one of the first `n` values is no number, of those at x > 0: what comes before training does not count.
  bool Diverges(std::size_t n) const {
    for (std::size_t i = 0; i < n; ++i) {
      if (x[i] > 0 && !std::isfinite(y[i])) {
        return true;
      }
    }
    return false;
  }
};

struct MeanPoint {
  double x = 0;
  double mean = 0;
  std::optional<Interval> interval;  // Student's; absent for a single curve
};

// The mean along x with its interval, geometric if `log`. Only where every curve has a value, so that a line never
// changes the runs it averages.
std::vector<MeanPoint> MeanCurve(std::span<const Curve* const> curves, bool log, double confidence);

}  // namespace normlab::stats
