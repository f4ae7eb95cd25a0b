// selection.h - the one number that a metric's select takes from a run, for cells, claims and figures alike.
#pragma once

#include <optional>
#include <string>

#include "results/judging/measure.h"
#include "results/stats/outcome.h"

namespace normlab::judging {

// Passes are whole numbers times a scale: two x closer than this are the same place.
inline constexpr double kSameX = 1e-6;

// A stretch of x.
struct Stretch {
  double from = 0;
  double to = 0;
};

// Of a run that ends at `end`: where the number comes from.
Stretch StretchOf(const Select& select, double end);
// "mean of passes 111 to 130", "pass 130", "the best up to pass 130"
std::string SelectText(const Item& item, int metric, double end);

// The run's number as if it ended at `end`; absent without points there, before training (x = 0) there are none. A time to
// what the run has not come to is later than its last place.
std::optional<stats::Outcome> SelectValue(const Item& item, const Run& run, int metric, double end);
// What a figure draws along an axis: of a best the number so far, along x; else the curve itself.
Curve SelectedCurve(const Item& item, const Run& run, int metric, int axis = 0);
// The same of the paper's curve: the row that says it, or the mean of rows. Absent: not printed.
std::optional<ReferenceRow> SelectReference(const Item& item, int arm, int metric, double end);

// Where on the axis the metric first comes to `level`; absent without a place above 0.
std::optional<stats::Outcome> TimeTo(const Item& item, const Run& run, int metric, int axis, double level);
// The best number over x in (0, end]; absent without one.
std::optional<double> BestOf(const Item& item, const Run& run, int metric, double end);

// The numbers of a seed's repetitions as one: their mean, of ratios the geometric one. Absent if one is; later if one is;
// infinite if one diverged.
std::optional<stats::Outcome> MeanOfRepetitions(const std::vector<std::optional<stats::Outcome>>& numbers, bool ratios);

// The mean over the units `from` to `to` of x, in the sense of the metric: over (from - 1, to], so that a run that is
// evaluated twice a pass has both values in each of its passes. Absent without points.
std::optional<double> MeanOver(const Curve& curve, const Metric& metric, double from, double to);

}  // namespace normlab::judging
