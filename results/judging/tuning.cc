#include "results/judging/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "results/judging/selection.h"

namespace normlab::judging {
namespace {

// The less the better.
double LossOf(const Item& item, int metric, double end, const std::vector<Run>& runs) {
  const Metric& m = item.metrics[static_cast<std::size_t>(metric)];
  double sum = 0;
  for (const Run& run : runs) {
    const auto value = run.diverged(metric) ? std::nullopt : SelectValue(item, run, metric, end);
    if (!value || value->later) {
      return std::numeric_limits<double>::infinity();
    }
    sum += m.as_ratios() ? std::log(value->value) : value->value;
  }
  return m.more_is_better() ? -sum : sum;
}

std::string PointText(const Fields& point) {
  std::string text;
  for (const auto& [name, value] : point) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

}  // namespace

Tuned ChoosePoint(const Item& item, int arm, double end, const std::vector<std::vector<Run>>& points) {
  const Tuning& tuning = item.arms[static_cast<std::size_t>(arm)].tuning;
  Tuned tuned;
  if (tuning.grid.empty()) {
    return tuned;
  }
  const std::string by = item.metrics[static_cast<std::size_t>(tuning.by)].label;
  tuned.decided = std::all_of(points.begin(), points.end(), [](const std::vector<Run>& runs) {
    return std::all_of(runs.begin(), runs.end(), [](const Run& run) { return run.finished(); });
  });
  if (!tuned.decided) {
    tuned.text = fmt::format("not chosen yet: {} by {} needs every run of {} grid points",
                             item.arms[static_cast<std::size_t>(arm)].label, by, points.size());
    return tuned;
  }
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t p = 0; p < points.size(); ++p) {
    if (const double loss = LossOf(item, tuning.by, end, points[p]); loss < least) {
      least = loss;
      tuned.point = static_cast<int>(p);
    }
  }
  if (std::isinf(least)) {
    tuned.decided = false;
    tuned.text =
        fmt::format("not chosen: of {} by {} each of {} grid points has a run that diverged or has no such number",
                    item.arms[static_cast<std::size_t>(arm)].label, by, points.size());
    return tuned;
  }
  tuned.text = fmt::format("{}: {}, chosen of {} grid points by {}", item.arms[static_cast<std::size_t>(arm)].label,
                           PointText(tuning.grid[static_cast<std::size_t>(tuned.point)]), points.size(), by);
  return tuned;
}

}  // namespace normlab::judging
