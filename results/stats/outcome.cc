#include "results/stats/outcome.h"

#include <cmath>
#include <limits>

namespace normlab::stats {

int Order(const Outcome& a, const Outcome& b) {
  if (a.later && b.later) {
    return 0;
  }
  if (a.later) {
    return a.value >= b.value ? 1 : 0;
  }
  if (b.later) {
    return b.value >= a.value ? -1 : 0;
  }
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

Bounded Difference(const Outcome& a, const Outcome& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double lo = a.value - (b.later ? kInfinity : b.value);
  const double hi = (a.later ? kInfinity : a.value) - b.value;
  return {std::isnan(lo) ? -kInfinity : lo, std::isnan(hi) ? kInfinity : hi};
}

}  // namespace normlab::stats
