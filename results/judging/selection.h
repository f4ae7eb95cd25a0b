// selection.h - the one number that a metric's select takes from a run, for cells, claims and figures alike.
#pragma once

#include <optional>
#include <string>

#include "results/judging/measure.h"

namespace normlab::judging {

// A stretch of x.
struct Stretch {
  double from = 0;
  double to = 0;
};

// Of a run that ends at `end`: where the number comes from.
Stretch StretchOf(const Select& select, double end);
// "mean of passes 111 to 130", "pass 130", "the best up to pass 130"
std::string SelectText(const Item& item, int metric, double end);

// The run's number as if it ended at `end`; absent without points there, before training (x = 0) there are none.
std::optional<double> SelectValue(const Item& item, const Run& run, int metric, double end);
// What a figure draws: the number at each place where it is the best one so far; else the curve itself.
Curve SelectedCurve(const Item& item, const Run& run, int metric);
// The same of the paper's curve: the row that says it, or the mean of rows. Absent: not printed.
std::optional<ReferenceRow> SelectReference(const Item& item, int arm, int metric, double end);

// The mean over x in [from, to], in the sense of the metric. Absent without points.
std::optional<double> MeanOver(const Curve& curve, const Metric& metric, double from, double to);

}  // namespace normlab::judging
