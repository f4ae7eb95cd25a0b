#include "results/stats/time_to_target.h"

#include <cmath>
#include <limits>

namespace normlab::stats {
namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}  // namespace

FirstPassage TimeToTarget(std::span<const double> x, std::span<const double> values, double target, bool ended) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] <= target) {
      return {x[i], true};
    }
  }
  if (ended) {
    return {kInfinity, false};
  }
  return {x.empty() ? 0 : x.back(), false};
}

Bounded LogTimeRatio(const FirstPassage& a, const FirstPassage& b) {
  if (!a.reached && !b.reached) {
    return {-kInfinity, kInfinity};
  }
  const double known = std::log(a.at) - std::log(b.at);
  return {b.reached ? known : -kInfinity, a.reached ? known : kInfinity};
}

}  // namespace normlab::stats
