#include "nn/optim/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/error.h"

namespace normlab::nn {
namespace {

double cosine(const Schedule& s, std::uint64_t update) {
  if (update >= s.total) {
    return s.floor;
  }
  const double done = static_cast<double>(update - s.warmup) / static_cast<double>(s.total - s.warmup);
  return s.floor + (1.0 - s.floor) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

double inverse_square_root(const Schedule& s, std::uint64_t update) {
  return std::sqrt(static_cast<double>(std::max<std::uint64_t>(s.warmup, 1)) / static_cast<double>(update + 1));
}

double steps(const Schedule& s, std::uint64_t update) {
  const auto passed =
      s.step_every > 0 ? update / s.step_every
                       : static_cast<std::uint64_t>(std::upper_bound(s.milestones.begin(), s.milestones.end(), update) -
                                                    s.milestones.begin());
  return std::pow(s.step_factor, static_cast<double>(passed));
}

}  // namespace

void require_valid(const Schedule& s) {
  if (s.kind == ScheduleKind::kCosine && (s.total <= s.warmup || !(s.floor >= 0.0 && s.floor <= 1.0))) {
    throw Error(
        fmt::format("schedule: a cosine to {} of the rate at update {} after {} updates of warm-up; expected a "
                    "fraction from 0 to 1, and a last update beyond the warm-up",
                    s.floor, s.total, s.warmup));
  }
  if (s.kind == ScheduleKind::kStep &&
      ((s.step_every > 0) == !s.milestones.empty() || !(s.step_factor > 0.0) || !std::isfinite(s.step_factor) ||
       std::adjacent_find(s.milestones.begin(), s.milestones.end(), std::greater_equal<>()) != s.milestones.end())) {
    throw Error(
        fmt::format("schedule: steps of factor {} every {} updates or at [{}]; expected a positive factor, and "
                    "either a number of updates or ascending milestones",
                    s.step_factor, s.step_every, fmt::join(s.milestones, ", ")));
  }
}

double schedule_factor(const Schedule& s, std::uint64_t update) {
  if (update < s.warmup) {
    return static_cast<double>(update + 1) / static_cast<double>(s.warmup);
  }
  switch (s.kind) {
    case ScheduleKind::kConstant:
      break;
    case ScheduleKind::kCosine:
      return cosine(s, update);
    case ScheduleKind::kInverseSquareRoot:
      return inverse_square_root(s, update);
    case ScheduleKind::kStep:
      return steps(s, update);
  }
  return 1.0;
}

}  // namespace normlab::nn
