// external_store.h - ExternalRuns on the store's connections.
//
// Thread safety: as ExternalRuns. Borrows what it is made of.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "results/store/external_runs.h"
#include "results/store/job_files.h"
#include "results/store/readers.h"
#include "results/store/writer.h"

namespace normlab::store {

class ExternalStore : public ExternalRuns {
 public:
  ExternalStore(Writer& writer, Readers& readers, JobFiles& files, std::function<std::int64_t()> now_ms)
      : writer_(writer), readers_(readers), files_(files), now_ms_(std::move(now_ms)) {}

  absl::StatusOr<ExternalExperiment> CreateExperiment(const std::string& name,
                                                      const std::map<std::string, std::string>& tags) override;
  absl::Status TagExperiment(std::int64_t id, const std::string& key, const std::string& value) override;
  absl::StatusOr<std::vector<ExternalExperiment>> ListExperiments() override;
  absl::StatusOr<Job> CreateRun(const NewExternalRun& run) override;
  absl::Status Change(JobId run, const RunChange& change) override;
  absl::StatusOr<std::map<std::string, std::string>> Notes(JobId run, std::string_view kind) override;
  absl::StatusOr<std::pair<JobId, std::string>> FindNote(std::string_view kind, std::string_view key) override;
  absl::StatusOr<std::vector<std::string>> AllNotes(std::string_view kind) override;
  absl::StatusOr<History> ReadHistory(JobId run, std::string_view series, std::optional<PointPlace> after,
                                      int limit) override;
  absl::StatusOr<std::unique_ptr<PendingFile>> NewArtifactFile(JobId run, std::string_view path) override;
  absl::Status PutArtifact(JobId run, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) override;

 private:
  Writer& writer_;
  Readers& readers_;
  JobFiles& files_;
  const std::function<std::int64_t()> now_ms_;
};

}  // namespace normlab::store
