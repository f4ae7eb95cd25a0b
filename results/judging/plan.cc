#include "results/judging/plan.h"

#include <algorithm>

namespace normlab::judging {

std::vector<PlannedRun> PlanItem(const Item& item, const Budget& budget) {
  int most_seeds = 0;
  for (const Extent& extent : budget.extents) {
    most_seeds = std::max(most_seeds, extent.seeds);
  }
  std::vector<PlannedRun> plan;
  for (int seed = 1; seed <= most_seeds; ++seed) {
    for (const Arm& arm : item.arms) {
      const Extent& extent = budget.extents[static_cast<std::size_t>(arm.group)];
      if (seed <= extent.seeds) {
        Fields fields = arm.fields;
        Override(fields, extent.fields);
        plan.push_back({item.id, arm.id, item.experiment, std::move(fields), static_cast<std::uint64_t>(seed),
                        extent.core_seconds});
      }
    }
  }
  return plan;
}

}  // namespace normlab::judging
