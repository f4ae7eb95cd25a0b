// plan.h - the runs an item needs under a budget.
#pragma once

#include <vector>

#include "results/judging/manifest.h"
#include "results/judging/paper.h"

namespace normlab::judging {

// Seed by seed, and within a seed arm by arm as the manifest lists them (cheap ones first): the whole figure is there
// with one seed before any second seed is run.
std::vector<PlannedRun> PlanItem(const Item& item, const Budget& budget);

}  // namespace normlab::judging
