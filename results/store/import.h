// import.h - jobs that ended in another store, taken in whole.
//
// All functions run on the connection they are given: the second inside the writer's transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// The stored job that is the run at hand: of the same identity, state and number of updates, with the same fingerprint or, if
// it has none, created in the same millisecond. kFailedPrecondition if a stored one succeeded with another fingerprint
// although all facts of `run.computation` are equal: one of the two is not what its code computes.
absl::StatusOr<std::optional<JobId>> FindImported(Connection& db, const ImportedJob& run);

// Adds the job, terminal at once, with its curves and the rows of its artifacts; `files` are their names, in order.
absl::StatusOr<JobId> InsertImported(Connection& db, const ImportedJob& run, const std::vector<std::string>& files);

}  // namespace normlab::store
