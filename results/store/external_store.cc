#include "results/store/external_store.h"

#include <fmt/format.h>

#include <utility>

#include "results/store/external_rows.h"
#include "results/store/jobs.h"
#include "results/store/loose.h"
#include "results/store/series.h"
#include "results/store/transitions.h"

namespace normlab::store {

using Lane = Writer::Lane;

absl::StatusOr<ExternalExperiment> ExternalStore::CreateExperiment(const std::string& name,
                                                                   const std::map<std::string, std::string>& tags) {
  ExternalExperiment made;
  NORMLAB_RETURN_IF_ERROR(writer_.Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(made, InsertExperiment(db, name, tags, now_ms_()));
    return absl::OkStatus();
  }));
  return made;
}

absl::Status ExternalStore::TagExperiment(std::int64_t id, const std::string& key, const std::string& value) {
  return writer_.Run(Lane::kState, 0, [&](Connection& db) { return store::TagExperiment(db, id, key, value); });
}

absl::StatusOr<std::vector<ExternalExperiment>> ExternalStore::ListExperiments() {
  return readers_.Read([](Connection& db) { return store::ListExperiments(db); });
}

absl::StatusOr<Job> ExternalStore::CreateRun(const NewExternalRun& run) {
  Job made;
  NORMLAB_RETURN_IF_ERROR(writer_.Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(const JobId id, InsertRun(db, run, now_ms_()));
    NORMLAB_ASSIGN_OR_RETURN(made, LoadJob(db, id));
    return absl::OkStatus();
  }));
  return made;
}

absl::Status ExternalStore::Change(JobId run, const RunChange& change) {
  const Lane lane = change.points.empty() ? Lane::kState : Lane::kPoints;
  return writer_.Run(lane, change.points.size(), [&](Connection& db) { return ChangeRun(db, run, change, now_ms_()); });
}

absl::StatusOr<std::map<std::string, std::string>> ExternalStore::Notes(JobId run, std::string_view kind) {
  return readers_.Read([&](Connection& db) { return store::Notes(db, run, kind); });
}

absl::StatusOr<std::pair<JobId, std::string>> ExternalStore::FindNote(std::string_view kind, std::string_view key) {
  return readers_.Read([&](Connection& db) { return store::FindNote(db, kind, key); });
}

absl::StatusOr<std::vector<std::string>> ExternalStore::AllNotes(std::string_view kind) {
  return readers_.Read([&](Connection& db) { return store::AllNotes(db, kind); });
}

absl::StatusOr<History> ExternalStore::ReadHistory(JobId run, std::string_view series, std::optional<PointPlace> after,
                                                   int limit) {
  return readers_.Read([&](Connection& db) -> absl::StatusOr<History> {
    NORMLAB_RETURN_IF_ERROR(CheckExternal(db, run));
    NORMLAB_ASSIGN_OR_RETURN(const SeriesRow row, FindSeries(db, run, series));
    return ReadLooseHistory(db, row.id, row.info.name, after, limit);
  });
}

absl::StatusOr<std::unique_ptr<PendingFile>> ExternalStore::NewArtifactFile(JobId run, std::string_view path) {
  NORMLAB_RETURN_IF_ERROR(CheckArtifactPath(path));
  return files_.NewExternal(run);
}

absl::Status ExternalStore::PutArtifact(JobId run, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) {
  NORMLAB_RETURN_IF_ERROR(CheckArtifactPath(info.name));
  return files_.PutExternal(run, info, std::move(file));
}

}  // namespace normlab::store
