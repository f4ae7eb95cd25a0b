// result_data.h - what a table and a figure hold, as numbers: cells and curves, before they have a format.
#pragma once

#include <cstdint>
#include <vector>

#include "results/judging/cell.h"
#include "results/judging/measure.h"

namespace normlab::judging {

// Arms and metrics are borrowed from the item.
struct NamedCell {
  const Arm* arm = nullptr;
  const Metric* metric = nullptr;
  int metric_index = 0;
  Cell cell;
};

struct FigureCurve {
  enum class Source { kRun, kMean, kPaper };
  Source source = Source::kRun;
  const Arm* arm = nullptr;
  const Metric* metric = nullptr;
  std::uint64_t seed = 0;  // of a run
  std::string repetition;  // of a run of an item that repeats: the value of its field, "2" of the folds
  std::vector<double> x, value;
  std::vector<stats::Interval>
      band;  // of a mean its interval, of the paper what it may be; NaN where there is none; of a run empty
};

// By metric, then arm.
std::vector<NamedCell> CellsOf(const Measured& measured);
// By arm, then metric: runs by seed, their mean, the paper's curve; none that is empty.
std::vector<FigureCurve> CurvesOf(const Measured& measured);

}  // namespace normlab::judging
