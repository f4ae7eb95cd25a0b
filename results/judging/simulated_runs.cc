#include "results/judging/simulated_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parse_number.h"
#include "base/rng.h"
#include "results/judging/reference.h"

namespace normlab::judging {
namespace {

const Noise kNoNoise;

template <typename T>
int IndexOf(const std::vector<T>& things, std::string_view id) {
  return static_cast<int>(std::find_if(things.begin(), things.end(), [&](const T& t) { return t.id == id; }) -
                          things.begin());
}

const Metric& MetricOf(const Item& item, int metric) { return item.metrics[static_cast<std::size_t>(metric)]; }

const ReferenceCurve& CurveOf(const Item& item, int arm, int metric) {
  return item.reference[static_cast<std::size_t>(arm)][static_cast<std::size_t>(metric)];
}

std::optional<double> CellOf(const Item& item, int arm, int metric) {
  return item.table ? ParseReal(item.table->Printed(arm, metric)) : std::nullopt;
}

// The paper's curve between its points, straight in log x (in x, from a point at 0); held at its first point and its last.
double PaperAt(const ReferenceCurve& curve, const Metric& metric, double x) {
  const auto middle = [&](const ReferenceRow& row) {
    return metric.log ? std::log(Middle(row, metric)) : Middle(row, metric);
  };
  const auto place = [](const ReferenceRow& row) { return (row.from + row.to) / 2; };
  const auto after = std::lower_bound(curve.begin(), curve.end(), x,
                                      [&](const ReferenceRow& row, double at) { return place(row) < at; });
  if (after == curve.end()) {
    return middle(curve.back());
  }
  if (after == curve.begin()) {
    return middle(*after);
  }
  const ReferenceRow& before = *(after - 1);
  const bool positive = place(before) > 0;
  const auto on = [&](double at) { return positive ? std::log(at) : at; };
  const double share = (on(x) - on(place(before))) / (on(place(*after)) - on(place(before)));
  return middle(before) + share * (middle(*after) - middle(before));
}

bool IsPrinted(const Item& item, int arm, int metric) {
  const Metric& m = MetricOf(item, metric);
  return m.of >= 0 ? IsPrinted(item, arm, m.of) && IsPrinted(item, arm, m.less)
                   : !CurveOf(item, arm, metric).empty() || CellOf(item, arm, metric).has_value();
}

// The metric whose curve a series is; -1: nothing is known of it.
int MetricOfSeries(const Item& item, const Noise& noise, int arm, std::string_view series) {
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    const auto metric = static_cast<int>(m);
    if (item.metrics[m].series == series && noise.of.contains(metric) && IsPrinted(item, arm, metric)) {
      return metric;
    }
  }
  return -1;
}

std::vector<double> Places(double end, double every) {
  std::vector<double> places;
  for (double n = 1; n * every < end * (1 - 1e-9); ++n) {
    places.push_back(n * every);
  }
  places.push_back(end);
  return places;
}

}  // namespace

const Noise* NoiseOf(const Item& item, const Budget& budget) {
  return budget.noise ? &*budget.noise : item.noise ? &*item.noise : nullptr;
}

bool IsSimulated(const Item& item, const Noise& noise, int arm, int metric) {
  return MetricOfSeries(item, noise, arm, MetricOf(item, metric).series) == metric;
}

double EvaluationsOf(const Item& item, const Budget& budget, const Noise& noise, int arm) {
  return budget.extent(item.arms[static_cast<std::size_t>(arm)]).end / noise.every + 1;
}

SimulatedRuns::SimulatedRuns(const Item& item, const Budget& budget, const World& world, std::uint64_t repetition)
    : item_(item),
      budget_(budget),
      noise_(NoiseOf(item, budget) != nullptr ? *NoiseOf(item, budget) : kNoNoise),
      world_(world),
      repetition_(repetition) {}

// At x, of log metrics the logarithm.
double SimulatedRuns::Shown(int arm, int metric, double x) const {
  const Metric& m = MetricOf(item_, metric);
  if (m.of >= 0) {
    return Shown(arm, m.of, x) - Shown(arm, m.less, x);
  }
  const ReferenceCurve& curve = CurveOf(item_, arm, metric);
  if (!curve.empty()) {
    return PaperAt(curve, m, x);
  }
  const double cell = CellOf(item_, arm, metric).value_or(m.log ? 1 : 0);
  return m.log ? std::log(cell) : cell;
}

absl::StatusOr<RunStatus> SimulatedRuns::Find(const RunName& name) {
  const Arm& arm = item_.arms[static_cast<std::size_t>(IndexOf(item_.arms, name.arm))];
  return RunStatus{.job = fmt::format("{}-{}-{}", name.arm, name.seed, name.part),
                   .succeeded = true,
                   .diverged = false,
                   .dataset = item_.dataset_of(arm.group),
                   .fingerprint = "",
                   .computed_by = "",
                   .machine = ""};
}

absl::StatusOr<Samples> SimulatedRuns::Read(const RunName& name, std::string_view series) {
  const std::string own(name.arm);
  const Arm& run = item_.arms[static_cast<std::size_t>(IndexOf(item_.arms, own))];
  const Extent& extent = budget_.extent(run);
  const std::vector<double> places = Places(extent.end, noise_.every);
  Samples samples;
  for (std::size_t i = 0; i < places.size(); ++i) {
    samples.steps.push_back(i + 1);
    samples.values.push_back(places[i] / extent.x_per_value);
  }
  if (series == item_.x.series) {
    return samples;
  }
  const auto other = world_.curve_of.find(own);
  const int arm = IndexOf(item_.arms, other == world_.curve_of.end() ? own : other->second);
  const int metric = MetricOfSeries(item_, noise_, arm, series);
  if (metric < 0) {
    std::fill(samples.values.begin(), samples.values.end(), 0);
    return samples;
  }
  const Metric& shown = MetricOf(item_, metric);
  const Noise::Of& noise = noise_.of.at(metric);
  const std::string run_name =
      fmt::format("{}/{}{}", own, name.seed, name.part == 0 ? "" : fmt::format(".{}", name.part));
  Rng of_run(repetition_, run_name);
  const double pace = std::exp(noise_.pace * of_run.Normal());
  Rng rng(repetition_, fmt::format("{}/{}", run_name, shown.id));
  const auto shifted = world_.shift.find({own, shown.id});
  const double level = noise.level * rng.Normal() + (shifted == world_.shift.end() ? 0 : shifted->second);
  const bool is_cell = shown.of < 0 && CurveOf(item_, arm, metric).empty();
  const double jitter = is_cell ? 0 : noise.jitter;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double value = Shown(arm, metric, places[i] / pace) + level + jitter * rng.Normal();
    samples.values[i] = (shown.log ? std::exp(value) : value) / shown.scale;
  }
  return samples;
}

}  // namespace normlab::judging
