#include "tests/results/judging/simulated_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "results/judging/cell.h"
#include "results/judging/reference.h"

namespace normlab::judging {
namespace {

template <typename T>
std::size_t IndexOf(const std::vector<T>& things, std::string_view id) {
  return static_cast<std::size_t>(std::find_if(things.begin(), things.end(), [&](const T& t) { return t.id == id; }) -
                                  things.begin());
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

}  // namespace

SimulatedRuns::SimulatedRuns(const Item& item, const Budget& budget, const Noise& noise, const World& world,
                             std::uint64_t repetition)
    : item_(item), budget_(budget), noise_(noise), world_(world), repetition_(repetition) {}

// Each whole x; of long axes 400 places, ever further apart.
std::vector<double> SimulatedRuns::Places(std::string_view arm) const {
  const int group = item_.arms[IndexOf(item_.arms, arm)].group;
  const double end = budget_.extents[static_cast<std::size_t>(group)].end;
  std::vector<double> places;
  const double step = end > 1000 ? std::pow(end / 200, 1.0 / 400) : 0;
  for (double x = end > 1000 ? 200 : 1; x <= end * (1 + 1e-9); x = step > 0 ? x * step : x + 1) {
    places.push_back(x);
  }
  return places;
}

// What the paper shows of the metric at x; of a gap between two curves, their difference.
double SimulatedRuns::Shown(std::size_t arm, std::size_t m, double x) const {
  const std::vector<ReferenceCurve>& curves = item_.reference[arm];
  if (item_.metrics[m].id == "gap") {
    return Shown(arm, IndexOf(item_.metrics, "test_nll"), x) - Shown(arm, IndexOf(item_.metrics, "train_nll"), x);
  }
  return curves[m].empty() ? 0 : PaperAt(curves[m], item_.metrics[m], x);
}

absl::StatusOr<RunStatus> SimulatedRuns::Find(const RunName& name) {
  return RunStatus{.job = fmt::format("{}-{}", name.arm, name.seed),
                   .succeeded = true,
                   .diverged = false,
                   .dataset = item_.dataset,
                   .fingerprint = "",
                   .computed_by = "",
                   .machine = ""};
}

absl::StatusOr<Samples> SimulatedRuns::Read(const RunName& name, std::string_view series) {
  Samples samples;
  const auto found = std::find_if(item_.metrics.begin(), item_.metrics.end(),
                                  [&](const Metric& metric) { return metric.series == series; });
  const bool is_x = found == item_.metrics.end();
  const std::string own(name.arm);
  const auto other = world_.curve_of.find(own);
  const std::size_t arm = IndexOf(item_.arms, other == world_.curve_of.end() ? own : other->second);
  const auto m = is_x ? 0 : static_cast<std::size_t>(found - item_.metrics.begin());
  const std::string& metric = item_.metrics[m].id;
  Rng of_run(repetition_, fmt::format("{}/{}", own, name.seed));
  const double pace = std::exp(noise_.pace * of_run.Normal());
  Rng rng(repetition_, fmt::format("{}/{}/{}", own, name.seed, metric));
  const double scale = noise_.scale.at(metric);
  const auto shifted = world_.shift.find({own, metric});
  const double level = noise_.level * scale * rng.Normal() + (shifted == world_.shift.end() ? 0 : shifted->second);
  const std::vector<double> places = Places(name.arm);
  for (std::size_t i = 0; i < places.size(); ++i) {
    samples.steps.push_back(i + 1);
    if (is_x) {
      samples.values.push_back(places[i]);
      continue;
    }
    const double value = Shown(arm, m, places[i] / pace) + level + noise_.jitter * scale * rng.Normal();
    samples.values.push_back((item_.metrics[m].log ? std::exp(value) : value) / item_.metrics[m].scale);
  }
  return samples;
}

double TrueEnd(const Item& item, const Noise& noise, const World& world, std::string_view arm,
               std::string_view metric) {
  constexpr std::uint64_t kRepetitions = 400;
  const int a = static_cast<int>(IndexOf(item.arms, arm)), m = static_cast<int>(IndexOf(item.metrics, metric));
  double sum = 0;
  int n = 0;
  for (std::uint64_t r = 0; r < kRepetitions; ++r) {
    SimulatedRuns runs(item, *item.exact_budget(), noise, world, r);
    for (const double value : Summarize(*Measure(item, *item.exact_budget(), runs), a, m).values) {
      sum += value;
      ++n;
    }
  }
  return sum / n;
}

}  // namespace normlab::judging
