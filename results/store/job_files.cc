#include "results/store/job_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "results/store/external_rows.h"
#include "results/store/jobs.h"
#include "results/store/transitions.h"

namespace normlab::store {
namespace {

// `file` as what it must be: made by this store for `folder`, and holding what was announced.
template <typename Info>
absl::StatusOr<NamedFile*> Whole(Folder folder, const Info& info, const std::unique_ptr<PendingFile>& file) {
  auto* const named = dynamic_cast<NamedFile*>(file.get());
  if (named == nullptr || named->folder() != folder) {
    return absl::InvalidArgumentError("the file was not made by the store, or for something else");
  }
  NORMLAB_RETURN_IF_ERROR(
      Annotate(named->CheckContent(info.size, info.crc32c), "what came is not what was announced; send it again"));
  return named;
}

// Whether a row surely was not written: after an I/O error nobody knows, and a later start decides.
bool SurelyNotWritten(const absl::Status& status) {
  return !status.ok() && !absl::IsInternal(status) && !absl::IsUnavailable(status);
}

auto WhileCurrent(AttemptId attempt) {
  return [attempt](Connection& db) { return CheckCurrent(db, attempt); };
}

}  // namespace

absl::Status JobFiles::CheckNow(const Writer::Work& may) { return writer_.Run(Writer::Lane::kState, 0, may); }

template <typename Info, typename May, typename Insert>
absl::Status JobFiles::Keep(const May& may, Folder folder, const Info& info, std::unique_ptr<PendingFile> file,
                            const Insert& insert) {
  NORMLAB_ASSIGN_OR_RETURN(NamedFile* const named, Whole(folder, info, file));
  // Checked again with the row; here it keeps most files of stale attempts from being published at all.
  NORMLAB_RETURN_IF_ERROR(CheckNow(may));
  Pass(Failpoint::kFileWritten);
  NORMLAB_RETURN_IF_ERROR(named->Publish());
  Pass(Failpoint::kFilePublished);
  std::vector<std::string> superfluous;
  const absl::Status status = writer_.Run(Writer::Lane::kState, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_RETURN_IF_ERROR(may(db));
    NORMLAB_ASSIGN_OR_RETURN(superfluous, insert(db, named->name()));
    return absl::OkStatus();
  });
  Pass(Failpoint::kFileNamed);
  if (status.ok()) {
    files_.Remove(folder, superfluous);
  } else if (SurelyNotWritten(status)) {
    files_.Remove(folder, {named->name()});
  }
  return status;
}

absl::StatusOr<std::unique_ptr<PendingFile>> JobFiles::NewCheckpoint(AttemptId attempt, std::uint64_t step) {
  NORMLAB_RETURN_IF_ERROR(CheckNow(WhileCurrent(attempt)));
  return files_.Create(Folder::kCheckpoints, fmt::format("j{}-step{}", attempt.job, step));
}

absl::Status JobFiles::PutCheckpoint(AttemptId attempt, const CheckpointInfo& info, std::unique_ptr<PendingFile> file) {
  return Keep(WhileCurrent(attempt), Folder::kCheckpoints, info, std::move(file),
              [&](Connection& db, const std::string& name) { return InsertCheckpoint(db, attempt, info, name); });
}

absl::StatusOr<std::vector<CheckpointRow>> JobFiles::Checkpoints(JobId job) {
  return readers_.Read([&](Connection& db) -> absl::StatusOr<std::vector<CheckpointRow>> {
    NORMLAB_RETURN_IF_ERROR(StateOf(db, job).status());
    return CheckpointRows(db, job);
  });
}

absl::StatusOr<JobFiles::OpenedCheckpoint> JobFiles::OpenFirstWhole(JobId job, const std::vector<CheckpointRow>& rows,
                                                                    std::uint64_t step) {
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
    absl::StatusOr<std::unique_ptr<ReadableFile>> file =
        files_.Open(Folder::kCheckpoints, row.file, row.info.size, row.info.crc32c);
    if (file.ok()) {
      return OpenedCheckpoint{row, *std::move(file)};
    }
    failure = Annotate(file.status(), fmt::format("no checkpoint of {} can be read", JobName(job)));
    Log(LogLevel::kWarning, "checkpoint_unreadable", {{"step", row.info.step}, {"error", Message(file.status())}});
  }
  return failure;
}

absl::StatusOr<JobFiles::OpenedCheckpoint> JobFiles::OpenCheckpoint(JobId job, std::uint64_t step) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<CheckpointRow> rows, Checkpoints(job));
  for (;;) {
    absl::StatusOr<OpenedCheckpoint> opened = OpenFirstWhole(job, rows, step);
    if (!absl::IsDataLoss(opened.status())) {
      return opened;
    }
    // Newer ones may have replaced those rows, and their files, meanwhile.
    NORMLAB_ASSIGN_OR_RETURN(std::vector<CheckpointRow> now, Checkpoints(job));
    if (std::equal(now.begin(), now.end(), rows.begin(), rows.end(),
                   [](const CheckpointRow& a, const CheckpointRow& b) { return a.file == b.file; })) {
      return opened;
    }
    rows = std::move(now);
  }
}

absl::StatusOr<std::unique_ptr<PendingFile>> JobFiles::NewArtifact(AttemptId attempt, std::string_view name) {
  NORMLAB_RETURN_IF_ERROR(CheckArtifactName(name));
  NORMLAB_RETURN_IF_ERROR(CheckNow(WhileCurrent(attempt)));
  return files_.Create(Folder::kArtifacts, fmt::format("j{}-{}", attempt.job, name));
}

absl::Status JobFiles::PutArtifact(AttemptId attempt, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) {
  NORMLAB_RETURN_IF_ERROR(CheckArtifactName(info.name));
  return Keep(WhileCurrent(attempt), Folder::kArtifacts, info, std::move(file),
              [&](Connection& db, const std::string& name) {
                return InsertArtifact(db, attempt, {info, name});
              });
}

absl::StatusOr<std::unique_ptr<PendingFile>> JobFiles::NewExternal(JobId run) {
  NORMLAB_RETURN_IF_ERROR(CheckNow([run](Connection& db) { return CheckExternal(db, run); }));
  return files_.Create(Folder::kArtifacts, fmt::format("j{}-external", run));
}

absl::Status JobFiles::PutExternal(JobId run, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) {
  return Keep([run](Connection& db) { return CheckExternal(db, run); }, Folder::kArtifacts, info, std::move(file),
              [&](Connection& db, const std::string& name) {
                return InsertArtifact(db, {run, 0}, {info, name});
              });
}

absl::StatusOr<std::unique_ptr<PendingFile>> JobFiles::NewImported(std::string_view name) {
  NORMLAB_RETURN_IF_ERROR(CheckArtifactName(name));
  return files_.Create(Folder::kArtifacts, fmt::format("imported-{}", name));
}

absl::StatusOr<std::vector<std::string>> JobFiles::PublishImported(
    const std::vector<ImportedJob::Artifact>& artifacts) {
  std::vector<NamedFile*> whole;
  for (const ImportedJob::Artifact& artifact : artifacts) {
    NORMLAB_RETURN_IF_ERROR(CheckArtifactName(artifact.info.name));
    NORMLAB_ASSIGN_OR_RETURN(NamedFile* const file, Whole(Folder::kArtifacts, artifact.info, artifact.file));
    whole.push_back(file);
  }
  std::vector<std::string> names;
  for (NamedFile* const file : whole) {
    if (const absl::Status published = file->Publish(); !published.ok()) {
      files_.Remove(Folder::kArtifacts, names);
      return published;
    }
    names.push_back(file->name());
  }
  return names;
}

void JobFiles::RemoveUnnamed(const std::vector<std::string>& files, const absl::Status& why) {
  if (why.ok() || SurelyNotWritten(why)) {
    files_.Remove(Folder::kArtifacts, files);
  }
}

absl::StatusOr<std::vector<ArtifactRow>> JobFiles::Artifacts(JobId job) {
  return readers_.Read([&](Connection& db) -> absl::StatusOr<std::vector<ArtifactRow>> {
    NORMLAB_RETURN_IF_ERROR(StateOf(db, job).status());
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

absl::StatusOr<StoredArtifact> JobFiles::OpenArtifact(JobId job, std::string_view name) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<ArtifactRow> rows, Artifacts(job));
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const ArtifactRow& r) { return r.info.name == name; });
  if (row == rows.end()) {
    return absl::NotFoundError(fmt::format("{} has no artifact \"{}\"", JobName(job), name));
  }
  StoredArtifact artifact;
  artifact.info = row->info;
  NORMLAB_ASSIGN_OR_RETURN(artifact.file, files_.Open(Folder::kArtifacts, row->file, row->info.size, row->info.crc32c));
  return artifact;
}

}  // namespace normlab::store
