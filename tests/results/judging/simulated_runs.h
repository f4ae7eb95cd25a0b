// simulated_runs.h - runs shaped like the paper's curves, with the noise that stored runs have.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "results/judging/curve_source.h"
#include "results/judging/manifest.h"

namespace normlab::judging {

// How runs of an item differ from seed to seed and from evaluation to evaluation.
struct Noise {
  double pace = 0;                           // sd of the logarithm of a run's speed along x
  double level = 0;                          // sd of a run's level, per metric: see scale
  double jitter = 0;                         // sd of one evaluation
  std::map<std::string, double> scale = {};  // by metric: level and jitter in its unit (log metrics: of the logarithm)
};

// What a simulation changes in the paper's curves.
struct World {
  std::map<std::string, std::string> curve_of = {};  // arm -> the arm whose curve it has; absent: its own
  std::map<std::pair<std::string, std::string>, double> shift =
      {};  // (arm, metric), in the unit (log metrics: of the logarithm)
};

// Every planned run of one item under one budget. The same repetition gives the same bits.
class SimulatedRuns : public CurveSource {
 public:
  SimulatedRuns(const Item& item, const Budget& budget, const Noise& noise, const World& world,
                std::uint64_t repetition);
  absl::StatusOr<RunStatus> Find(const RunName& name) override;
  absl::StatusOr<Samples> Read(const RunName& name, std::string_view series) override;

 private:
  double Shown(std::size_t arm, std::size_t metric, double x) const;
  std::vector<double> Places(std::string_view arm) const;

  const Item& item_;
  const Budget& budget_;
  const Noise& noise_;
  const World& world_;
  std::uint64_t repetition_;
};

// Where an arm's runs end on the average at the paper's own budget, by the metric's select: the truth that a claim of its value is about.
double TrueEnd(const Item& item, const Noise& noise, const World& world, std::string_view arm, std::string_view metric);

}  // namespace normlab::judging
