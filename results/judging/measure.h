// measure.h - the runs of one item under one budget, read once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "results/judging/curve_source.h"
#include "results/judging/manifest.h"
#include "results/judging/protocol.h"
#include "results/stats/curve.h"

namespace normlab::judging {

using stats::kConfidence;

// A metric along the x axis, in the metric's unit; a log metric is held up by its floor. NaN is kept.
using stats::Curve;

struct Run {
  std::uint64_t seed = 0;
  int repetition = 0;
  RunStatus status;
  std::vector<Curve> curves;                // by metric, along x
  std::vector<std::vector<Curve>> on_axes;  // by axis after x, by metric: the same values along that axis

  bool submitted() const { return !status.job.empty(); }
  // Its outcome is known. A run that failed for another reason than its numbers is not finished: it may be run again.
  bool finished() const { return status.succeeded || status.diverged; }
  // It ended without numbers, or one of the metric's is none: NaN says the same as the state.
  bool diverged(int metric) const;
  double reached() const;  // the largest x with a value; 0 for none
  const Curve& curve(int metric, int axis = 0) const {
    const auto m = static_cast<std::size_t>(metric);
    return axis == 0 ? curves[m] : on_axes[static_cast<std::size_t>(axis) - 1][m];
  }
};

// What became of an arm's grid.
struct Tuned {
  int point = 0;        // the chosen one; the first one while runs of the grid are missing
  bool decided = true;  // false: they are
  std::string text;     // "learning_rate 1e-3 of 1e-4, 1e-3, by Valid error"; empty: the arm is not tuned
};

struct Measured {
  const Item* item = nullptr;
  const Budget* budget = nullptr;
  std::string not_run;                 // why there cannot be runs; empty: there can
  std::vector<std::vector<Run>> runs;  // [arm], by seed and repetition; of the chosen point of a tuned arm's grid
  std::vector<Tuned> tuned;            // [arm]
  std::vector<std::string> datasets;   // that runs used, sorted, each once
  std::vector<std::string> machines;   // that runs ran on, likewise
  Protocol protocol;

  const Extent& extent(int arm) const { return budget->extent(item->arms[static_cast<std::size_t>(arm)]); }
};

// `item` and `budget` are borrowed.
absl::StatusOr<Measured> Measure(const Item& item, const Budget& budget, CurveSource& source);

}  // namespace normlab::judging
