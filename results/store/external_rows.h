// external_rows.h - the rows of external runs and of the experiments they are in; their points are in loose.h.
//
// All functions run on the connection they are given: inside the writer's transaction or a reader's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "results/store/external_runs.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

absl::StatusOr<ExternalExperiment> InsertExperiment(Connection& db, const std::string& name,
                                                    const std::map<std::string, std::string>& tags,
                                                    std::int64_t now_ms);
absl::Status TagExperiment(Connection& db, std::int64_t id, const std::string& key, const std::string& value);
absl::StatusOr<std::vector<ExternalExperiment>> ListExperiments(Connection& db);

absl::StatusOr<JobId> InsertRun(Connection& db, const NewExternalRun& run, std::int64_t now_ms);
// kNotFound for an unknown job, kFailedPrecondition for one of normlab's own.
absl::Status CheckExternal(Connection& db, JobId job);
absl::Status ChangeRun(Connection& db, JobId job, const RunChange& change, std::int64_t now_ms);
// What makes `job` external, of a job that is.
absl::StatusOr<std::optional<ExternalRun>> LoadExternal(Connection& db, JobId job);

absl::StatusOr<std::map<std::string, std::string>> Notes(Connection& db, JobId job, std::string_view kind);
absl::StatusOr<std::pair<JobId, std::string>> FindNote(Connection& db, std::string_view kind, std::string_view key);

absl::StatusOr<std::vector<std::string>> AllNotes(Connection& db, std::string_view kind);

// kInvalidArgument unless it is a relative path of at most 500 bytes that stays below where it starts.
absl::Status CheckArtifactPath(std::string_view path);

}  // namespace normlab::store
