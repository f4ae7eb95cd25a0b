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
    for (std::size_t a = 0; a < item.arms.size(); ++a) {
      const Arm& arm = item.arms[a];
      const Extent& extent = budget.extent(arm);
      const int parts = seed <= extent.seeds ? arm.points() * item.repeat.count() : 0;
      for (int part = 0; part < parts; ++part) {
        plan.push_back(
            {item.id, arm.id, item.experiment,
             item.FieldsOf(static_cast<int>(a), extent, part / item.repeat.count(), part % item.repeat.count()),
             static_cast<std::uint64_t>(seed), part, extent.core_seconds, arm.labels});
      }
    }
  }
  return plan;
}

}  // namespace normlab::judging
