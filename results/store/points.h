// points.h - how points of an attempt are taken in.
//
// The rule for each series. Let L be its last stored step.
//   - Points after L are new and are stored.
//   - Points at or before L were stored before: by this attempt, if an answer was lost, or by an earlier one, which
//   this one
//     repeats from its checkpoint on. Their bits are compared. Equal ones count as repeated. A different one means that
//     the program is not deterministic, and the job fails.
//   - A step before L at which nothing is stored is refused with kInvalidArgument: a hole is never filled later,
//   because
//     readers that follow the series have passed it. A resumed deterministic program never meets this case: it repeats
//     the steps of its predecessor up to L and then goes on.
// A call is taken whole or not at all. Wall times of repeated points are not compared; the first ones stay.
#pragma once

#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// Whether the columns are well formed, without the store: equal lengths, steps rise and fit 63 bits, names set and
// different.
absl::Status CheckColumns(const std::vector<PointColumns>& columns);

// Runs inside the writer's transaction; `attempt` must be current. A difference is kDataLoss, found before anything was
// written.
absl::StatusOr<AppendResult> AppendPoints(Connection& db, AttemptId attempt, const std::vector<PointColumns>& columns);

}  // namespace normlab::store
