#include "results/judging/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/judging/selection.h"

namespace normlab::judging {
namespace {

// The end if a run has finished, else the place that every run under way has passed.
double CellPlace(const std::vector<Run>& runs, double end) {
  double common = 0;
  for (const Run& run : runs) {
    if (run.status.succeeded) {
      return end;
    }
    if (run.submitted() && !run.status.diverged && run.reached() > 0) {
      common = common == 0 ? run.reached() : std::min(common, run.reached());
    }
  }
  return common;
}

}  // namespace

Cell Summarize(const Measured& measured, int arm, int metric) {
  const auto a = static_cast<std::size_t>(arm), m = static_cast<std::size_t>(metric);
  const Item& item = *measured.item;
  const bool log = item.metrics[m].log;
  Cell cell;
  cell.planned = static_cast<int>(measured.runs[a].size());
  cell.at = CellPlace(measured.runs[a], measured.extent(arm).end);
  std::vector<double> averaged;
  for (const Run& run : measured.runs[a]) {
    cell.submitted += run.submitted() ? 1 : 0;
    cell.diverged += run.diverged(metric) ? 1 : 0;
    const auto value = cell.at > 0 && !run.diverged(metric) ? SelectValue(item, run, metric, cell.at) : std::nullopt;
    if (value) {
      cell.values.push_back(*value);
      averaged.push_back(log ? std::log(*value) : *value);
    }
  }
  if (!averaged.empty()) {
    const double mean = stats::Mean(averaged);
    cell.mean = log ? std::exp(mean) : mean;
    cell.interval = stats::IntervalOfMean(averaged, kConfidence,
                                          fmt::format("{}/{}/{}", item.id, item.arms[a].id, item.metrics[m].id));
    if (cell.interval && log) {
      stats::Interval& interval = cell.interval->interval;
      interval = {std::exp(interval.lo), std::exp(interval.hi)};
    }
  }
  const ReferenceCurve& curve = item.reference[a][m];
  if (!curve.empty()) {
    cell.paper = SelectReference(item, arm, metric, cell.at > 0 ? cell.at : measured.extent(arm).end);
    cell.paper_final = SelectReference(item, arm, metric, curve.back().to);
  }
  return cell;
}

std::optional<Range> RangeOver(const Measured& measured, int arm, int metric) {
  std::optional<Range> range;
  for (const Run& run : measured.runs[static_cast<std::size_t>(arm)]) {
    const Curve& curve = run.curves[static_cast<std::size_t>(metric)];
    for (std::size_t i = 0; i < curve.y.size(); ++i) {
      if (curve.x[i] <= 0) {
        continue;
      }
      const double y = curve.y[i];
      if (std::isnan(y)) {
        return Range{y, y, curve.x[i]};
      }
      range = range ? Range{std::min(range->lo, y), std::max(range->hi, y), std::min(range->from, curve.x[i])}
                    : Range{y, y, curve.x[i]};
    }
  }
  return range;
}

}  // namespace normlab::judging
