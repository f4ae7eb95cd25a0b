#include "results/judging/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/judging/reference.h"

namespace normlab::judging {
namespace {

// Passes are whole numbers times a scale: two x closer than this are the same place.
constexpr double kSameX = 1e-6;

// Joins a series with the x series on steps; both rise in steps.
Curve Join(const Samples& x, const Samples& y, const Metric& metric, double x_per_value) {
  Curve curve;
  std::size_t i = 0;
  for (std::size_t j = 0; j < y.steps.size(); ++j) {
    while (i < x.steps.size() && x.steps[i] < y.steps[j]) {
      ++i;
    }
    if (i < x.steps.size() && x.steps[i] == y.steps[j]) {
      const double value = y.values[j] * metric.scale;
      curve.x.push_back(x.values[i] * x_per_value);
      curve.y.push_back(metric.log && value < metric.floor ? metric.floor : value);
    }
  }
  return curve;
}

absl::StatusOr<Run> ReadRun(const Item& item, const Arm& arm, const Extent& extent, std::uint64_t seed,
                            CurveSource& source) {
  const RunName name{.item = item.id, .arm = arm.id, .seed = seed};
  Run run;
  run.seed = seed;
  NORMLAB_ASSIGN_OR_RETURN(run.status, source.Find(name));
  run.curves.resize(item.metrics.size());
  if (!run.submitted()) {
    return run;
  }
  NORMLAB_ASSIGN_OR_RETURN(const Samples x, source.Read(name, item.x.series));
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    NORMLAB_ASSIGN_OR_RETURN(const Samples y, source.Read(name, item.metrics[m].series));
    run.curves[m] = Join(x, y, item.metrics[m], extent.x_per_value);
  }
  return run;
}

std::optional<double> ValueAt(const Curve& curve, double x) {
  for (std::size_t i = curve.x.size(); i-- > 0;) {
    if (std::fabs(curve.x[i] - x) <= kSameX) {
      return curve.y[i];
    }
  }
  return std::nullopt;
}

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

void SortOnce(std::vector<std::string>& words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

}  // namespace

double Run::reached() const {
  double reached = 0;
  for (const Curve& curve : curves) {
    reached = curve.x.empty() ? reached : std::max(reached, curve.x.back());
  }
  return reached;
}

std::vector<std::string> Measured::Caveats() const {
  std::vector<std::string> caveats;
  if (!budget->full_scale) {
    caveats.push_back(fmt::format("budget {} is smaller than the paper's", budget->id));
  }
  for (const std::string& dataset : datasets) {
    if (!item->dataset.empty() && dataset != item->dataset) {
      caveats.push_back(fmt::format("data set {} stands in for {}", dataset, item->dataset));
    }
  }
  return caveats;
}

bool Measured::SubstituteData() const {
  return !datasets.empty() && !item->dataset.empty() && (datasets.size() > 1 || datasets.front() != item->dataset);
}

std::string Measured::Limits() const {
  const std::string scale = budget->full_scale ? "" : fmt::format("budget {}", budget->id);
  const std::string data = SubstituteData() ? fmt::format("data {}", fmt::join(datasets, "+")) : "";
  return fmt::format("{}{}{}", scale, scale.empty() || data.empty() ? "" : ", ", data);
}

absl::StatusOr<Measured> Measure(const Item& item, const Budget& budget, CurveSource& source) {
  Measured measured{.item = &item, .budget = &budget, .runs = {}, .datasets = {}, .machines = {}};
  for (const Arm& arm : item.arms) {
    const Extent& extent = budget.extents[static_cast<std::size_t>(arm.group)];
    std::vector<Run>& runs = measured.runs.emplace_back();
    for (int seed = 1; seed <= extent.seeds; ++seed) {
      NORMLAB_ASSIGN_OR_RETURN(Run run, ReadRun(item, arm, extent, static_cast<std::uint64_t>(seed), source));
      if (run.submitted() && !run.status.dataset.empty()) {
        measured.datasets.push_back(run.status.dataset);
      }
      if (!run.status.machine.empty()) {
        measured.machines.push_back(run.status.machine);
      }
      runs.push_back(std::move(run));
    }
  }
  SortOnce(measured.datasets);
  SortOnce(measured.machines);
  return measured;
}

std::optional<double> MeanOver(const Curve& curve, const Metric& metric, double from, double to) {
  double sum = 0;
  int n = 0;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (curve.x[i] > 0 && curve.x[i] >= from - kSameX && curve.x[i] <= to + kSameX) {
      sum += metric.log ? std::log(curve.y[i]) : curve.y[i];
      ++n;
    }
  }
  if (n == 0) {
    return std::nullopt;
  }
  return metric.log ? std::exp(sum / n) : sum / n;
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
    cell.diverged += run.status.diverged ? 1 : 0;
    const auto value = cell.at > 0 && !run.status.diverged ? ValueAt(run.curves[m], cell.at) : std::nullopt;
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
    cell.paper = ReferenceAt(curve, cell.at > 0 ? cell.at : measured.extent(arm).end);
    cell.paper_final = &curve.back();
  }
  return cell;
}

}  // namespace normlab::judging
