#include "results/stats/time_to_target.h"

#include <limits>

namespace normlab::stats {

Outcome TimeToTarget(std::span<const double> x, std::span<const double> values, double target, bool ended) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] <= target) {
      return {x[i], false};
    }
  }
  if (ended) {
    return {std::numeric_limits<double>::infinity(), false};
  }
  return {x.empty() ? 0 : x.back(), true};
}

}  // namespace normlab::stats
