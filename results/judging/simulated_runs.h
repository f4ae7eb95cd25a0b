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

// What the paper shows of a metric of an arm, curve or printed cell; false: nothing.
bool IsPrinted(const Item& item, int arm, int metric);

// Every planned run of one item under one budget. The same repetition gives the same bits. Arguments are borrowed. What
// the paper does not show lies at 0; of what noise is not known has none. Only the item's own axis is simulated.
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
