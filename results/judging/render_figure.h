// render_figure.h - an item's curves beside the paper's, as a figure for results/report: a panel per metric and group.
#pragma once

#include "results/judging/measure.h"
#include "results/report/figure.h"

namespace normlab::judging {

report::Figure MakeFigure(const Measured& measured);

// The mean over the seeds that did not diverge, after x = 0; see stats/curve.h.
std::vector<stats::MeanPoint> MeanCurve(const Measured& measured, int arm, int metric, int axis = 0);

// Colours by label, so that an arm looks the same in every group: the index of the first arm of the same label.
int ColorOf(const Item& item, int arm);

}  // namespace normlab::judging
