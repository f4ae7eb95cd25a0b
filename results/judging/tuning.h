// tuning.h - which point of an arm's grid its validation metric chooses.
#pragma once

#include <vector>

#include "results/judging/measure.h"

namespace normlab::judging {

// `points`: the runs of each grid point, which end at x = `end`. The best mean over all of a point's runs wins, the first of
// equal ones; a point with a run that diverged, or that has no number, loses to any other.
Tuned ChoosePoint(const Item& item, int arm, double end, const std::vector<std::vector<Run>>& points);

}  // namespace normlab::judging
