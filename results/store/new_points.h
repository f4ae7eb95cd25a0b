// new_points.h - the points of some jobs that were stored after a sequence, oldest first.
//
// Runs inside a reader's transaction.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// As Store::PointsSince. Unknown jobs have no points. Costs what it returns, plus at most a chunk for each series that
// has any; a series without news costs one comparison.
absl::StatusOr<PointBatch> PointsSince(Connection& db, const std::vector<JobId>& jobs, std::uint64_t sequence,
                                       int limit);

}  // namespace normlab::store
