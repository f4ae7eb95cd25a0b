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

// The paper's curve between its points, straight in log x; held at its last point and rising towards x = 0 as before the
// frame of a figure.
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
  const double share = (std::log(x) - std::log(place(before))) / (std::log(place(*after)) - std::log(place(before)));
  return middle(before) + share * (middle(*after) - middle(before));
}

// Each whole x; of long axes 400 places, ever further apart.
std::vector<double> Places(double end) {
  constexpr int kMost = 400;
  std::vector<double> places;
  const double step = end > 1000 ? std::pow(end / 200, 1.0 / kMost) : 0;
  for (double x = end > 1000 ? 200 : std::min(end, 1.0); x <= end * (1 + 1e-9); x = step > 0 ? x * step : x + 1) {
    places.push_back(x);
  }
  return places;
}

}  // namespace

bool IsPrinted(const Item& item, int arm, int metric) {
  const Metric& m = MetricOf(item, metric);
  return m.first >= 0 ? IsPrinted(item, arm, m.first) && IsPrinted(item, arm, m.second)
                      : !CurveOf(item, arm, metric).empty() || CellOf(item, arm, metric).has_value();
}

SimulatedRuns::SimulatedRuns(const Item& item, const Budget& budget, const World& world, std::uint64_t repetition)
    : item_(item),
      budget_(budget),
      noise_(budget.noise ? *budget.noise
             : item.noise ? *item.noise
                          : kNoNoise),
      world_(world),
      repetition_(repetition) {}

// At x, of log metrics the logarithm.
double SimulatedRuns::Shown(int arm, int metric, double x) const {
  const Metric& m = MetricOf(item_, metric);
  if (m.first >= 0) {
    return Shown(arm, m.first, x) - Shown(arm, m.second, x);
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
  const auto found = std::find_if(item_.metrics.begin(), item_.metrics.end(),
                                  [&](const Metric& metric) { return metric.series == series; });
  const std::string own(name.arm);
  const Arm& run = item_.arms[static_cast<std::size_t>(IndexOf(item_.arms, own))];
  const Extent& extent = budget_.extents[static_cast<std::size_t>(run.group)];
  const std::vector<double> places = Places(extent.end);
  Samples samples;
  for (std::size_t i = 0; i < places.size(); ++i) {
    samples.steps.push_back(i + 1);
    samples.values.push_back(places[i] / extent.x_per_value);
  }
  if (found == item_.metrics.end()) {
    return samples;  // x
  }
  const auto other = world_.curve_of.find(own);
  const int arm = IndexOf(item_.arms, other == world_.curve_of.end() ? own : other->second);
  const auto metric = static_cast<int>(found - item_.metrics.begin());
  const std::string run_name =
      fmt::format("{}/{}{}", own, name.seed, name.part == 0 ? "" : fmt::format(".{}", name.part));
  Rng of_run(repetition_, run_name);
  const double pace = std::exp(noise_.pace * of_run.Normal());
  Rng rng(repetition_, fmt::format("{}/{}", run_name, found->id));
  const auto known = noise_.of.find(metric);
  const Noise::Of noise = known == noise_.of.end() ? Noise::Of() : known->second;
  const auto shifted = world_.shift.find({own, found->id});
  const double level = noise.level * rng.Normal() + (shifted == world_.shift.end() ? 0 : shifted->second);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double value = Shown(arm, metric, places[i] / pace) + level + noise.jitter * rng.Normal();
    samples.values[i] = (found->log ? std::exp(value) : value) / found->scale;
  }
  return samples;
}

}  // namespace normlab::judging
