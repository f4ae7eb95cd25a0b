// measure.h - the runs of one item under one budget, read once, and the cells of its table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/judging/curve_source.h"
#include "results/judging/manifest.h"
#include "results/stats/curve.h"

namespace normlab::judging {

using stats::kConfidence;

// A metric along the x axis, in the metric's unit; a log metric is held up by its floor. NaN is kept.
using stats::Curve;

struct Run {
  std::uint64_t seed = 0;
  RunStatus status;
  std::vector<Curve> curves;  // by metric

  bool submitted() const { return !status.job.empty(); }
  // Its outcome is known. A run that failed for another reason than its numbers is not finished: it may be run again.
  bool finished() const { return status.succeeded || status.diverged; }
  double reached() const;  // the largest x with a value; 0 for none
};

struct Measured {
  const Item* item = nullptr;
  const Budget* budget = nullptr;
  std::vector<std::vector<Run>> runs;  // [arm][seed - 1]
  std::vector<std::string> datasets;   // that runs used, sorted, each once
  std::vector<std::string> machines;   // that runs ran on, likewise

  const Extent& extent(int arm) const {
    return budget->extents[static_cast<std::size_t>(item->arms[static_cast<std::size_t>(arm)].group)];
  }
  bool SubstituteData() const;  // runs used something else than what the paper used
  // What stands between these runs and the paper's own experiment, in words; empty: nothing.
  std::vector<std::string> Caveats() const;
  // The same in few words, to stand beside each verdict: "budget quick, data fashion_mnist"; empty: nothing.
  std::string Limits() const;
};

// `item` and `budget` are borrowed.
absl::StatusOr<Measured> Measure(const Item& item, const Budget& budget, CurveSource& source);

// A run's metric over x in [from, to] (0 excluded: nothing is trained there), averaged in the sense of the metric.
// Absent without points.
std::optional<double> MeanOver(const Curve& curve, const Metric& metric, double from, double to);

// The least and the largest value of an arm's runs, diverged ones included, over all x above 0, and the least such x.
// Absent without a value; a value that is not a number makes both NaN.
struct Range {
  double lo = 0, hi = 0;
  double from = 0;
};
std::optional<Range> RangeOver(const Measured& measured, int arm, int metric);

// One cell of the table: a metric of an arm at x = `at`.
struct Cell {
  int planned = 0;
  int submitted = 0;
  int diverged = 0;
  std::vector<double> values;  // of runs that have one at `at` and did not diverge, in seed order
  double at = 0;               // the budget's end, or how far every run under way has come; 0: nothing yet
  std::optional<double> mean;  // geometric for a log metric
  std::optional<stats::MeanInterval> interval;
  const ReferenceRow* paper = nullptr;        // at the same x; nullptr: not printed
  const ReferenceRow* paper_final = nullptr;  // the last thing printed
};
Cell Summarize(const Measured& measured, int arm, int metric);

}  // namespace normlab::judging
