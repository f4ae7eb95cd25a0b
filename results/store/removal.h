// removal.h - deleting jobs and their points: at once for everyone who looks, in bounded pieces on disk.
//
// All functions run inside the writer's transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"
#include "results/store/transitions.h"

namespace normlab::store {

struct RemovedFiles {
  std::vector<std::string> checkpoints;
  std::vector<std::string> artifacts;
};

// Removes a job's series from sight and notes them for PurgeSome.
absl::Status DropSeries(Connection& db, JobId job);
// Removes all that a job has measured, its checkpoints and artifacts too. The files are to be removed after the commit.
absl::StatusOr<RemovedFiles> DropResults(Connection& db, JobId job);

// Removes a terminal job from sight and notes its series for PurgeSome. The files are to be removed after the commit.
// kFailedPrecondition while the job is not terminal.
absl::StatusOr<RemovedFiles> DeleteJob(Connection& db, JobId id);

// The same in pieces, each of which a damaged page may keep from being removed; `files` is borrowed by them. If its row is not
// readable nobody can tell whether it is terminal: it is over, for no attempt of it can go on. Then the row, whatever
// still refers to it: ids are not used again.
Details PiecesOf(JobId id, bool readable, RemovedFiles& files);
absl::Status DeleteRow(Connection& db, JobId id);

// The series after `series` that waits to be purged; 0: none.
absl::StatusOr<std::int64_t> NextToPurge(Connection& db, std::int64_t series);
// Removes some points of a series of a deleted job, a few thousand rows at most, and forgets it after the last.
absl::Status PurgeSome(Connection& db, std::int64_t series);

}  // namespace normlab::store
