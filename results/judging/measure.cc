#include "results/judging/measure.h"

#include <algorithm>
#include <cmath>

#include "base/parse_number.h"
#include "results/judging/tuning.h"

namespace normlab::judging {
namespace {

// Joins a series with places along an axis on steps; both rise in steps.
Curve Join(const Samples& x, const Samples& y, const Metric& metric) {
  Curve curve;
  std::size_t i = 0;
  for (std::size_t j = 0; j < y.steps.size(); ++j) {
    while (i < x.steps.size() && x.steps[i] < y.steps[j]) {
      ++i;
    }
    if (i < x.steps.size() && x.steps[i] == y.steps[j]) {
      const double value = y.values[j] * metric.scale;
      curve.x.push_back(x.values[i]);
      curve.y.push_back(metric.log && value < metric.floor ? metric.floor : value);
    }
  }
  return curve;
}

// What one update counts for on an axis of updates: a field of the run, 1 if it has none.
double PerUpdate(const XAxis& axis, const RunStatus& status, const Fields& fields) {
  if (axis.of == XAxis::Of::kCpuSeconds) {
    return status.cpu_seconds_per_update;
  }
  const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == axis.times; });
  return field == fields.end() ? 1 : ParseReal(field->second).value_or(1);
}

class RunReader {
 public:
  RunReader(const Item& item, int arm, const Extent& extent, CurveSource& source)
      : item_(item), arm_(arm), extent_(extent), source_(source) {}

  absl::StatusOr<Run> Read(int seed, int point, int repetition) {
    name_ = {.item = item_.id,
             .arm = item_.arms[static_cast<std::size_t>(arm_)].id,
             .seed = static_cast<std::uint64_t>(seed),
             .part = point * item_.repeat.count() + repetition};
    fields_ = item_.FieldsOf(arm_, extent_, point, repetition);
    Run run;
    run.seed = name_.seed;
    run.repetition = repetition;
    NORMLAB_ASSIGN_OR_RETURN(run.status, source_.Find(name_));
    run.curves.resize(item_.metrics.size());
    run.on_axes.assign(item_.axes.size(), std::vector<Curve>(item_.metrics.size()));
    if (!run.submitted()) {
      return run;
    }
    NORMLAB_ASSIGN_OR_RETURN(Samples x, source_.Read(name_, item_.x.series));
    for (double& value : x.values) {
      value *= extent_.x_per_value;
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<Samples> axes, ReadAxes(run.status, x));
    for (std::size_t m = 0; m < item_.metrics.size(); ++m) {
      if (item_.metrics[m].series.empty()) {
        continue;  // of what runs cost
      }
      NORMLAB_ASSIGN_OR_RETURN(const Samples y, source_.Read(name_, item_.metrics[m].series));
      run.curves[m] = Join(x, y, item_.metrics[m]);
      for (std::size_t a = 0; a < axes.size(); ++a) {
        run.on_axes[a][m] = Join(axes[a], y, item_.metrics[m]);
      }
    }
    return run;
  }

 private:
  // The axes after x; those that count updates have a place wherever x has one.
  absl::StatusOr<std::vector<Samples>> ReadAxes(const RunStatus& status, const Samples& x) {
    std::vector<Samples> axes;
    for (const XAxis& axis : item_.axes) {
      if (axis.of == XAxis::Of::kSeries) {
        NORMLAB_ASSIGN_OR_RETURN(Samples places, source_.Read(name_, axis.series));
        axes.push_back(std::move(places));
        continue;
      }
      const double each = PerUpdate(axis, status, fields_);
      Samples& places = axes.emplace_back();
      for (std::size_t i = 0; each > 0 && i < x.steps.size(); ++i) {
        places.steps.push_back(x.steps[i]);
        places.values.push_back(static_cast<double>(x.steps[i]) * each);
      }
    }
    return axes;
  }

  const Item& item_;
  const int arm_;
  const Extent& extent_;
  CurveSource& source_;
  RunName name_;
  Fields fields_;
};

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
  return status.diverged || curve.Diverges(curve.y.size());
}

namespace {

// Reads an arm's runs; of a grid those of the point that its validation metric chooses.
absl::Status ReadArm(const Item& item, int arm, const Extent& extent, CurveSource& source, Measured& measured) {
  RunReader reader(item, arm, extent, source);
  std::vector<std::vector<Run>> points;
  for (int point = 0; point < item.arms[static_cast<std::size_t>(arm)].points(); ++point) {
    std::vector<Run>& runs = points.emplace_back();
    for (int seed = 1; seed <= extent.seeds; ++seed) {
      for (int repetition = 0; repetition < item.repeat.count(); ++repetition) {
        NORMLAB_ASSIGN_OR_RETURN(Run run, reader.Read(seed, point, repetition));
        runs.push_back(std::move(run));
      }
    }
  }
  Tuned tuned = ChoosePoint(item, arm, extent.end, points);
  measured.runs.push_back(std::move(points[static_cast<std::size_t>(tuned.point)]));
  measured.tuned.push_back(std::move(tuned));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Measured> Measure(const Item& item, const Budget& budget, CurveSource& source) {
  Measured measured;
  measured.item = &item;
  measured.budget = &budget;
  measured.not_run = item.not_run.empty() ? source.WhyNotRun(item.experiment) : item.not_run;
  std::vector<std::vector<std::string>> of_groups(item.groups.size());
  for (std::size_t a = 0; a < item.arms.size(); ++a) {
    const auto group = static_cast<std::size_t>(item.arms[a].group);
    if (!measured.not_run.empty()) {
      measured.runs.emplace_back();
      measured.tuned.emplace_back();
      continue;
    }
    NORMLAB_RETURN_IF_ERROR(ReadArm(item, static_cast<int>(a), budget.extents[group], source, measured));
    for (const Run& run : measured.runs.back()) {
      if (run.submitted() && !run.status.dataset.empty()) {
        measured.datasets.push_back(run.status.dataset);
        of_groups[group].push_back(run.status.dataset);
      }
      if (!run.status.machine.empty()) {
        measured.machines.push_back(run.status.machine);
      }
    }
  }
  SortOnce(measured.datasets);
  SortOnce(measured.machines);
  measured.protocol = ProtocolOf(item, budget, of_groups);
  return measured;
}

}  // namespace normlab::judging
