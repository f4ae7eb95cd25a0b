// file_rows.h - the rows that name checkpoint and artifact files, and which of them are kept.
//
// A file may be named by several rows: a job that resumes another shares its checkpoint. It may be removed once no row
// names it; functions that delete rows return the names for which that is so, to be removed after the commit.
//
// All functions run on the connection they are given; those that insert need the caller to have checked that the
// attempt is current, in the same transaction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

struct CheckpointRow {
  CheckpointInfo info;
  std::string file;
};

// Newest first.
absl::StatusOr<std::vector<CheckpointRow>> CheckpointRows(Connection& db, JobId job);
// Adds or replaces the row of a step, and removes all rows of the job but the last two, and those of earlier attempts that
// are further. Returns the names of files that no row names any more; `file` itself may be among them.
absl::StatusOr<std::vector<std::string>> InsertCheckpoint(Connection& db, AttemptId attempt, const CheckpointInfo& info,
                                                          const std::string& file);
// A job that has its result, SUCCEEDED or DIVERGED, needs one checkpoint: the newest with an update behind it, from which
// `verify` repeats the rest. Removes the others; as above. Nothing of a job that goes on or can be resumed.
absl::StatusOr<std::vector<std::string>> DeleteUnneededCheckpoints(Connection& db, JobId job);
// Jobs of which that would remove some; at most `limit`.
absl::StatusOr<std::vector<JobId>> JobsWithUnneededCheckpoints(Connection& db, int limit);
// Removes all rows of a job; as above.
absl::StatusOr<std::vector<std::string>> DeleteCheckpoints(Connection& db, JobId job);

struct ArtifactRow {
  ArtifactInfo info;
  std::string file;
};

// By name.
absl::StatusOr<std::vector<ArtifactRow>> ArtifactRows(Connection& db, JobId job);
// kInvalidArgument unless it is [A-Za-z0-9][A-Za-z0-9._-]{0,127}.
absl::Status CheckArtifactName(std::string_view name);
// Adds or replaces the row of a name. Returns the names of files that no row names any more.
absl::StatusOr<std::vector<std::string>> InsertArtifact(Connection& db, AttemptId attempt, const ArtifactRow& row);
// Removes all rows of a job; as above.
absl::StatusOr<std::vector<std::string>> DeleteArtifacts(Connection& db, JobId job);

}  // namespace normlab::store
