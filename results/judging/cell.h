// cell.h - one cell of an item's table: a metric of an arm over its seeds.
#pragma once

#include <optional>
#include <vector>

#include "results/judging/measure.h"

namespace normlab::judging {

// What the metric's select takes from runs that end at x = `at`.
struct Cell {
  int planned = 0;
  int submitted = 0;
  int diverged = 0;
  int later = 0;               // had not come there: there is no mean then
  std::vector<double> values;  // of seeds that have one and did not diverge, in their order
  double at = 0;               // the budget's end, or how far every run under way has come; 0: nothing yet
  std::optional<double> mean;  // geometric for a log metric
  std::optional<stats::MeanInterval> interval;
  std::optional<ReferenceRow> paper;        // the same of the paper's curve; absent: not printed
  std::optional<ReferenceRow> paper_final;  // the last thing printed
};
Cell Summarize(const Measured& measured, int arm, int metric);

// The least and the largest value of an arm's runs over all x above 0, and the least such x. Absent without a value; a run
// that diverged makes both NaN.
struct Range {
  double lo = 0, hi = 0;
  double from = 0;
};
std::optional<Range> RangeOver(const Measured& measured, int arm, int metric);

}  // namespace normlab::judging
