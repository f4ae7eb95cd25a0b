// resume.h - a new job that goes on where a cancelled or failed one stopped.
//
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "results/store/file_rows.h"
#include "results/store/job_files.h"
#include "results/store/jobs.h"
#include "results/store/readers.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"
#include "results/store/transitions.h"

namespace normlab::store {

// What a job is continued from, as readers see it. Looks at files, so not for the writer's thread.
struct Resumable {
  absl::StatusOr<ReadableJob> job = absl::UnknownError("not looked for");
  std::optional<CheckpointRow> checkpoint;  // the newest that is whole
};
absl::StatusOr<Resumable> FindResumable(JobFiles& files, Readers& readers, JobId id);

// Inside the writer's transaction. Adds a job with the spec, labels and priority of `old`, as readers see it, which must be CANCELLED or FAILED and will change
// no more. With a checkpoint, which must be one of its rows, the new job shares its file and starts with the points up to its
// step, under new sequences and with 0 as their attempt; without one it starts afresh. `details` are facts, without which it
// starts afresh, too, and a note of what is lost.
absl::StatusOr<JobId> ContinueJob(Connection& db, ReadableJob old, const std::optional<CheckpointRow>& checkpoint,
                                  std::int64_t now_ms, Details& details);

}  // namespace normlab::store
