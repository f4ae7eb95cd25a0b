#include "results/judging/measure.h"

#include <algorithm>
#include <cmath>

namespace normlab::judging {
namespace {

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

bool Run::diverged(int metric) const {
  const Curve& curve = curves[static_cast<std::size_t>(metric)];
  for (std::size_t i = 0; i < curve.y.size() && !status.diverged; ++i) {
    if (curve.x[i] > 0 && !std::isfinite(curve.y[i])) {
      return true;
    }
  }
  return status.diverged;
}

absl::StatusOr<Measured> Measure(const Item& item, const Budget& budget, CurveSource& source) {
  Measured measured{.item = &item, .budget = &budget, .runs = {}, .datasets = {}, .machines = {}, .protocol = {}};
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
  measured.protocol = ProtocolOf(item, budget, measured.datasets);
  return measured;
}

}  // namespace normlab::judging
