// reference.h - the paper's own curves, from a small CSV beside the manifest.
//
//     # comment
//     arm,from,to,train_nll_lo,train_nll_hi,test_error
//     layer_128,1,2,0.05641,0.07672,2.77
//
// One row per stretch of x; a metric is one column, or two that end in _lo and _hi. Empty cells: not printed there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/judging/manifest.h"

namespace normlab::judging {

// Adds to item.reference, sized by arms and metrics, what `csv` holds. Calls `problem(line, text)` for everything that is wrong and goes on.
void ParseReference(std::string_view csv, Item& item, const std::function<void(int, std::string)>& problem);

// What the paper shows at x: the row that covers it, else the nearest one.
const ReferenceRow* ReferenceAt(const ReferenceCurve& curve, double x);

// The middle of a row's band, in the sense of the metric (geometric for a log one).
double Middle(const ReferenceRow& row, const Metric& metric);

// The paper's mean over rows that meet [from, to]; absent if none does.
std::optional<double> ReferenceMean(const ReferenceCurve& curve, const Metric& metric, double from, double to);

}  // namespace normlab::judging
