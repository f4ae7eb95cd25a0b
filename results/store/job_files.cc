#include "results/store/job_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "base/log.h"
#include "results/store/jobs.h"
#include "results/store/transitions.h"

namespace normlab::store {

absl::Status JobFiles::CheckCurrentNow(AttemptId attempt) {
  return readers_.Read([&](Connection& db) { return CheckCurrent(db, attempt); });
}

template <typename Insert>
absl::Status JobFiles::Keep(AttemptId attempt, Files::Folder folder, NamedFile& file, const Insert& insert) {
  NORMLAB_RETURN_IF_ERROR(file.Publish());
  std::vector<std::string> superfluous;
  const absl::Status status = writer_.Run(Writer::Lane::kState, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_RETURN_IF_ERROR(CheckCurrent(db, attempt));
    NORMLAB_ASSIGN_OR_RETURN(superfluous, insert(db));
    return absl::OkStatus();
  });
  // After an I/O error nobody knows whether the row is on disk: the file stays, and the next start decides.
  if (status.ok()) {
    files_.Remove(folder, superfluous);
  } else if (!absl::IsInternal(status)) {
    files_.Remove(folder, {file.name()});
  }
  return status;
}

absl::StatusOr<std::unique_ptr<PendingFile>> JobFiles::NewCheckpoint(AttemptId attempt, std::uint64_t step) {
  NORMLAB_RETURN_IF_ERROR(CheckCurrentNow(attempt));
  return files_.Create(Files::Folder::kCheckpoints, fmt::format("j{}-step{}", attempt.job, step));
}

absl::Status JobFiles::PutCheckpoint(AttemptId attempt, const CheckpointInfo& info, std::unique_ptr<PendingFile> file) {
  auto* const named = dynamic_cast<NamedFile*>(file.get());
  if (named == nullptr) {
    return absl::InvalidArgumentError("the checkpoint's file was not made by NewCheckpointFile");
  }
  // Checked again with the row; here it keeps most files of stale attempts from being published at all.
  NORMLAB_RETURN_IF_ERROR(CheckCurrentNow(attempt));
  return Keep(attempt, Files::Folder::kCheckpoints, *named,
              [&](Connection& db) { return InsertCheckpoint(db, attempt, info, named->name()); });
}

absl::StatusOr<std::pair<CheckpointRow, std::string>> JobFiles::NewestGoodCheckpoint(JobId job, std::uint64_t step) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<CheckpointRow> rows,
                           readers_.Read([&](Connection& db) -> absl::StatusOr<std::vector<CheckpointRow>> {
                             NORMLAB_RETURN_IF_ERROR(LoadJob(db, job).status());
                             return CheckpointRows(db, job);
                           }));
  std::string steps;
  for (const CheckpointRow& row : rows) {
    steps += fmt::format("{}{}", steps.empty() ? "" : " and ", row.info.step);
  }
  absl::Status failure =
      absl::NotFoundError(rows.empty() ? fmt::format("{} has no checkpoint", JobName(job))
                                       : fmt::format("{} has no checkpoint of at most {} updates; it has those of {}",
                                                     JobName(job), step, steps));
  for (const CheckpointRow& row : rows) {
    if (row.info.step > step) {
      continue;
    }
    absl::StatusOr<std::string> bytes =
        files_.Read(Files::Folder::kCheckpoints, row.file, row.info.size, row.info.crc32c);
    if (bytes.ok()) {
      return std::make_pair(row, *std::move(bytes));
    }
    failure = Annotate(bytes.status(), fmt::format("no checkpoint of {} can be read", JobName(job)));
    Log(LogLevel::kWarning, "checkpoint_unreadable", {{"step", row.info.step}, {"error", Message(bytes.status())}});
  }
  return failure;
}

absl::Status JobFiles::PutArtifact(AttemptId attempt, const ArtifactInfo& info, std::string_view bytes) {
  NORMLAB_RETURN_IF_ERROR(CheckArtifactName(info.name));
  if (info.size != bytes.size()) {
    return absl::InvalidArgumentError(
        fmt::format("artifact {} was announced with {} bytes and has {}", info.name, info.size, bytes.size()));
  }
  NORMLAB_RETURN_IF_ERROR(CheckCurrentNow(attempt));
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<NamedFile> file,
                           files_.Create(Files::Folder::kArtifacts, fmt::format("j{}-{}", attempt.job, info.name)));
  NORMLAB_RETURN_IF_ERROR(file->Append(bytes));
  return Keep(attempt, Files::Folder::kArtifacts, *file, [&](Connection& db) {
    return InsertArtifact(db, attempt, {info, Crc32c(bytes), file->name()});
  });
}

absl::StatusOr<std::vector<ArtifactRow>> JobFiles::Artifacts(JobId job) {
  return readers_.Read([&](Connection& db) -> absl::StatusOr<std::vector<ArtifactRow>> {
    NORMLAB_RETURN_IF_ERROR(LoadJob(db, job).status());
    return ArtifactRows(db, job);
  });
}

absl::StatusOr<std::vector<ArtifactInfo>> JobFiles::ListArtifacts(JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<ArtifactRow> rows, Artifacts(job));
  std::vector<ArtifactInfo> infos;
  for (ArtifactRow& row : rows) {
    infos.push_back(std::move(row.info));
  }
  return infos;
}

absl::StatusOr<std::pair<ArtifactInfo, std::string>> JobFiles::GetArtifact(JobId job, std::string_view name) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<ArtifactRow> rows, Artifacts(job));
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const ArtifactRow& r) { return r.info.name == name; });
  if (row == rows.end()) {
    return absl::NotFoundError(fmt::format("{} has no artifact \"{}\"", JobName(job), name));
  }
  NORMLAB_ASSIGN_OR_RETURN(std::string bytes,
                           files_.Read(Files::Folder::kArtifacts, row->file, row->info.size, row->crc32c));
  return std::pair(row->info, std::move(bytes));
}

}  // namespace normlab::store
