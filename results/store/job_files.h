// job_files.h - checkpoints and artifacts as wholes: the file (files.h) and the row that names it (file_rows.h).
//
// Errors: kFailedPrecondition for an attempt that is no longer the job's; kNotFound; kDataLoss for a file that is gone
// or damaged; kInvalidArgument for a name or a size that cannot be.
//
// Thread safety: all methods may be called from any thread. Borrows what it is made of.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "results/store/file_rows.h"
#include "results/store/files.h"
#include "results/store/readers.h"
#include "results/store/store.h"
#include "results/store/writer.h"

namespace normlab::store {

class JobFiles {
 public:
  JobFiles(Files& files, Writer& writer, Readers& readers) : files_(files), writer_(writer), readers_(readers) {}

  absl::StatusOr<std::unique_ptr<PendingFile>> NewCheckpoint(AttemptId attempt, std::uint64_t step);
  // `file` comes from NewCheckpoint.
  absl::Status PutCheckpoint(AttemptId attempt, const CheckpointInfo& info, std::unique_ptr<PendingFile> file);
  // The newest checkpoint of at most `step` updates that is whole, and its open file; kNotFound if there is no row for
  // it, kDataLoss if none of the files is good.
  struct OpenedCheckpoint {
    CheckpointRow row;
    std::unique_ptr<ReadableFile> file;
  };
  absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(JobId job,
                                                  std::uint64_t step = std::numeric_limits<std::uint64_t>::max());

  absl::StatusOr<std::unique_ptr<PendingFile>> NewArtifact(AttemptId attempt, std::string_view name);
  // `file` comes from NewArtifact.
  absl::Status PutArtifact(AttemptId attempt, const ArtifactInfo& info, std::unique_ptr<PendingFile> file);

  // Of an external run; the caller has checked the name.
  absl::StatusOr<std::unique_ptr<PendingFile>> NewExternal(JobId run);
  absl::Status PutExternal(JobId run, const ArtifactInfo& info, std::unique_ptr<PendingFile> file);

  absl::StatusOr<std::unique_ptr<PendingFile>> NewImported(std::string_view name);
  // Publishes the files of a job that is imported, all or none, before its rows are written. Their names, in order.
  absl::StatusOr<std::vector<std::string>> PublishImported(const std::vector<ImportedJob::Artifact>& artifacts);
  // Removes published artifacts to which no row was added, as `why` says.
  void RemoveUnnamed(const std::vector<std::string>& files, const absl::Status& why);

  // By name.
  absl::StatusOr<std::vector<ArtifactInfo>> ListArtifacts(JobId job);
  absl::StatusOr<StoredArtifact> OpenArtifact(JobId job, std::string_view name);

 private:
  // By the writer, which waits for no read: a worker's reports must not.
  absl::Status CheckNow(const Writer::Work& may);
  // Publishes a file while `may(connection)` lets it, has `insert(connection, file's name)` write its row, and removes the
  // files that this leaves without one.
  template <typename Info, typename May, typename Insert>
  absl::Status Keep(const May& may, Folder folder, const Info& info, std::unique_ptr<PendingFile> file,
                    const Insert& insert);
  absl::StatusOr<std::vector<CheckpointRow>> Checkpoints(JobId job);
  absl::StatusOr<OpenedCheckpoint> OpenFirstWhole(JobId job, const std::vector<CheckpointRow>& rows,
                                                  std::uint64_t step);
  absl::StatusOr<std::vector<ArtifactRow>> Artifacts(JobId job);

  Files& files_;
  Writer& writer_;
  Readers& readers_;
};

}  // namespace normlab::store
