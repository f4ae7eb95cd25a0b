// simulated_runs.h - runs shaped like the paper's curves, with the noise that the manifest says runs have: how often an item's
// seeds decide its claims is seen before anything is trained.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "results/judging/curve_source.h"
#include "results/judging/manifest.h"

namespace normlab::judging {

// What a simulation changes in the paper's curves.
struct World {
  std::map<std::string, std::string> curve_of = {};  // arm -> the arm whose curve it has; absent: its own
  std::map<std::pair<std::string, std::string>, double> shift =
      {};  // (arm, metric), in the unit (log metrics: of the logarithm)
};

// The budget's noise, else the item's; nullptr: neither has one.
const Noise* NoiseOf(const Item& item, const Budget& budget);
// Whether a metric of an arm is simulated as the paper shows it: a curve or a cell of it is printed, its noise is told, and no
// other metric of its series comes before it in that.
bool IsSimulated(const Item& item, const Noise& noise, int arm, int metric);
// Evaluations of a run of an arm.
double EvaluationsOf(const Item& item, const Budget& budget, const Noise& noise, int arm);

// Every planned run of one item under one budget, evaluated as its noise says and at its end. The same repetition gives the
// same bits. Arguments are borrowed. A cell is the level of a whole run; what is not simulated as the paper shows it lies at 0
// without noise. Axes after x are not simulated.
class SimulatedRuns : public CurveSource {
 public:
  SimulatedRuns(const Item& item, const Budget& budget, const World& world, std::uint64_t repetition);
  absl::StatusOr<RunStatus> Find(const RunName& name) override;
  absl::StatusOr<Samples> Read(const RunName& name, std::string_view series) override;

 private:
  double Shown(int arm, int metric, double x) const;

  const Item& item_;
  const Budget& budget_;
  const Noise& noise_;
  const World& world_;
  const std::uint64_t repetition_;
};

}  // namespace normlab::judging
