// resume.h - a new job that goes on where a cancelled or failed one stopped.
//
// Runs inside the writer's transaction.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "results/store/file_rows.h"
#include "results/store/jobs.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"
#include "results/store/transitions.h"

namespace normlab::store {

// Adds a job with the spec, labels and priority of `old`, as readers see it, which must be CANCELLED or FAILED and will change
// no more. With a checkpoint, which must be one of its rows, the new job shares its file and starts with the points up to its
// step, under new sequences and with 0 as their attempt; without one it starts afresh. `details` are facts, without which it
// starts afresh, too, and a note of what is lost.
absl::StatusOr<JobId> ContinueJob(Connection& db, ReadableJob old, const std::optional<CheckpointRow>& checkpoint,
                                  std::int64_t now_ms, Details& details);

}  // namespace normlab::store
