#include "results/judging/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parse_number.h"
#include "results/judging/selection.h"

namespace normlab::judging {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

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

// What the paper prints of the cell: its table, else its curve at the cell's place and at its end.
void AddPaper(const Measured& measured, int arm, int metric, Cell& cell) {
  const Item& item = *measured.item;
  const std::string printed = item.table && !item.in_words() ? item.table->Printed(arm, metric) : "";
  const ReferenceCurve& curve = item.reference[static_cast<std::size_t>(arm)][static_cast<std::size_t>(metric)];
  if (const auto number = ParseReal(printed)) {
    cell.paper = cell.paper_final = ReferenceRow{cell.at, cell.at, *number, *number};
  } else if (!curve.empty()) {
    cell.paper = SelectReference(item, arm, metric, cell.at > 0 ? cell.at : measured.extent(arm).end);
    cell.paper_final = SelectReference(item, arm, metric, curve.back().to);
  }
}

// The seeds' numbers that there are, and the counts of those that there are not.
void AddValues(const Measured& measured, int arm, int metric, Cell& cell) {
  const Item& item = *measured.item;
  const std::vector<Run>& runs = measured.runs[static_cast<std::size_t>(arm)];
  const auto repetitions = static_cast<std::size_t>(item.repeat.count());
  const double end = measured.extent(arm).end;
  for (std::size_t first = 0; first + repetitions <= runs.size(); first += repetitions) {
    std::vector<std::optional<stats::Outcome>> numbers;
    bool diverged = false;
    for (std::size_t r = first; r < first + repetitions; ++r) {
      cell.submitted += runs[r].submitted() ? 1 : 0;
      diverged = diverged || runs[r].diverged(metric);
      // Where some have finished the others' numbers are of shorter runs.
      const bool counts = cell.at > 0 && (cell.at < end || runs[r].status.succeeded);
      numbers.push_back(counts ? SelectValue(item, runs[r], metric, cell.at) : std::nullopt);
    }
    const auto number = MeanOfRepetitions(numbers, item.metrics[static_cast<std::size_t>(metric)].as_ratios());
    cell.diverged += diverged ? 1 : 0;
    if (number && !diverged) {
      cell.later += number->later ? 1 : 0;
      cell.values.push_back(number->value);
    }
  }
}

}  // namespace

Cell Summarize(const Measured& measured, int arm, int metric) {
  const auto a = static_cast<std::size_t>(arm), m = static_cast<std::size_t>(metric);
  const Item& item = *measured.item;
  const bool log = item.metrics[m].as_ratios();
  Cell cell;
  cell.planned = static_cast<int>(measured.runs[a].size()) / item.repeat.count();
  cell.at = CellPlace(measured.runs[a], measured.extent(arm).end);
  AddValues(measured, arm, metric, cell);
  if (!cell.values.empty() && cell.later == 0) {
    std::vector<double> averaged = cell.values;
    if (log) {
      std::transform(averaged.begin(), averaged.end(), averaged.begin(), [](double v) { return std::log(v); });
    }
    const double mean = stats::Mean(averaged);
    cell.mean = log ? std::exp(mean) : mean;
    cell.interval = stats::IntervalOfMean(averaged, kConfidence,
                                          fmt::format("{}/{}/{}", item.id, item.arms[a].id, item.metrics[m].id));
    if (cell.interval && log) {
      stats::Interval& interval = cell.interval->interval;
      interval = {std::exp(interval.lo), std::exp(interval.hi)};
    }
  }
  AddPaper(measured, arm, metric, cell);
  return cell;
}

std::optional<Range> RangeOver(const Measured& measured, int arm, int metric) {
  std::optional<Range> range;
  for (const Run& run : measured.runs[static_cast<std::size_t>(arm)]) {
    const Curve& curve = run.curves[static_cast<std::size_t>(metric)];
    if (run.diverged(metric)) {
      return Range{kNaN, kNaN, curve.x.empty() ? 0 : curve.x.back()};
    }
    for (std::size_t i = 0; i < curve.y.size(); ++i) {
      if (curve.x[i] <= 0) {
        continue;
      }
      const double y = curve.y[i];
      range = range ? Range{std::min(range->lo, y), std::max(range->hi, y), std::min(range->from, curve.x[i])}
                    : Range{y, y, curve.x[i]};
    }
  }
  return range;
}

}  // namespace normlab::judging
