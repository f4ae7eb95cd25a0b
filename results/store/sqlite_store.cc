#include "results/store/sqlite_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "results/store/backup.h"
#include "results/store/bulk.h"
#include "results/store/commit_counter.h"
#include "results/store/curves.h"
#include "results/store/external_store.h"
#include "results/store/file_rows.h"
#include "results/store/files.h"
#include "results/store/import.h"
#include "results/store/integrity.h"
#include "results/store/job_changes.h"
#include "results/store/job_files.h"
#include "results/store/jobs.h"
#include "results/store/leasing.h"
#include "results/store/new_points.h"
#include "results/store/order.h"
#include "results/store/placement.h"
#include "results/store/points.h"
#include "results/store/readers.h"
#include "results/store/removal.h"
#include "results/store/requests.h"
#include "results/store/restart.h"
#include "results/store/resume.h"
#include "results/store/schema.h"
#include "results/store/scrub.h"
#include "results/store/series.h"
#include "results/store/store_status.h"
#include "results/store/transitions.h"
#include "results/store/writer.h"

namespace normlab::store {
namespace {

using Lane = Writer::Lane;

// A cursor of a client as SQLite can hold it.
std::uint64_t Cursor(std::uint64_t value) {
  return std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max());
}

// Holds the parts together: each method picks a connection and calls the function of the part that knows.
class SqliteStore : public Store {
 public:
  struct Place {
    std::string database;
    std::string vfs;
  };

  SqliteStore(StoreOptions options, Place place, std::unique_ptr<FileLock> lock, std::unique_ptr<Files> files,
              std::unique_ptr<Connection> connection, int checkpoint_pages, std::unique_ptr<Readers> readers,
              std::string damage)
      : options_(std::move(options)),
        place_(std::move(place)),
        damage_(std::move(damage)),
        lock_(std::move(lock)),
        files_(std::move(files)),
        readers_(std::move(readers)),
        writer_(
            std::make_unique<Writer>(std::move(connection), Writer::Options{.checkpoint_pages = checkpoint_pages,
                                                                            .readers = readers_.get(),
                                                                            .on_commit = [this] { commits_.Raise(); },
                                                                            .on_stopped = options_.on_stopped})),
        job_files_(*files_, *writer_, *readers_),
        changes_(*writer_, *readers_, *files_),
        external_(*writer_, *readers_, job_files_, options_.now_ms) {}

  ~SqliteStore() override {
    readers_->Close();  // before the writer, so that it can empty the log
    writer_.reset();
  }

  const std::string& damage() const override { return damage_; }
  absl::StatusOr<std::vector<CreatedJob>> CreateJobs(const Request& request, const std::vector<NewJob>& jobs) override;
  absl::StatusOr<std::vector<CreatedJob>> PreviewJobs(const std::vector<NewJob>& jobs) override;
  absl::StatusOr<CreatedJob> ImportJob(ImportedJob run) override;
  absl::StatusOr<std::unique_ptr<PendingFile>> NewImportedFile(std::string_view name) override {
    return job_files_.NewImported(name);
  }
  absl::StatusOr<Job> GetJob(JobId id) override;
  absl::StatusOr<JobPage> ListJobs(const JobFilter& filter, std::optional<JobId> before, int limit) override;
  absl::StatusOr<OrderedPage> ListOrdered(const JobFilter& filter, const JobOrder& order, std::optional<JobPlace> after,
                                          int limit) override;
  absl::StatusOr<std::optional<Job>> FindByIdentity(std::string_view identity) override;
  absl::StatusOr<std::string> NewestFact(std::string_view dataset, std::string_view key) override;
  absl::StatusOr<Job> Cancel(const Request& request, JobId id) override;
  absl::StatusOr<Job> ResumeAsNew(const Request& request, JobId id) override;
  absl::Status Delete(const Request& request, JobId id) override;
  absl::StatusOr<std::vector<BulkOutcome>> ChangeJobs(const Request& request, const JobFilter& filter,
                                                      const BulkChange& change, bool dry_run) override;
  absl::StatusOr<std::vector<AttemptInfo>> ListAttempts(JobId job) override;
  absl::StatusOr<std::int64_t> CountQueued() override {
    return readers_->Read([](Connection& db) { return store::CountQueued(db); });
  }
  absl::StatusOr<std::vector<Job>> ChangedSince(std::uint64_t after, int limit) override;

  absl::StatusOr<std::optional<Lease>> LeaseNext(const Request& request, const Worker& worker) override;
  absl::StatusOr<bool> StartAttempt(AttemptId attempt, const Computation& computation) override;
  absl::Status Release(AttemptId attempt, std::string_view why) override;
  absl::Status Died(AttemptId attempt, std::string_view why, int most) override;
  absl::StatusOr<std::vector<Job>> ActiveJobs() override;
  absl::StatusOr<Job> ReportProgress(AttemptId attempt, const Progress& progress) override;
  absl::StatusOr<AppendResult> AppendPoints(AttemptId attempt, const std::vector<PointColumns>& columns) override;
  absl::StatusOr<Job> Finish(AttemptId attempt, const FinishInfo& info) override;

  absl::StatusOr<std::unique_ptr<PendingFile>> NewCheckpointFile(AttemptId attempt, std::uint64_t step) override {
    return job_files_.NewCheckpoint(attempt, step);
  }
  absl::Status PutCheckpoint(AttemptId attempt, const CheckpointInfo& info,
                             std::unique_ptr<PendingFile> file) override {
    return job_files_.PutCheckpoint(attempt, info, std::move(file));
  }
  absl::StatusOr<StoredCheckpoint> OpenCheckpoint(JobId job, std::uint64_t step) override;
  absl::StatusOr<std::unique_ptr<PendingFile>> NewArtifactFile(AttemptId attempt, std::string_view name) override {
    return job_files_.NewArtifact(attempt, name);
  }
  absl::Status PutArtifact(AttemptId attempt, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) override {
    return job_files_.PutArtifact(attempt, info, std::move(file));
  }
  absl::StatusOr<std::vector<ArtifactInfo>> ListArtifacts(JobId job) override { return job_files_.ListArtifacts(job); }
  absl::StatusOr<StoredArtifact> OpenArtifact(JobId job, std::string_view name) override {
    return job_files_.OpenArtifact(job, name);
  }

  ExternalRuns& external() override { return external_; }

  absl::StatusOr<std::vector<SeriesInfo>> ListSeries(JobId job) override;
  absl::StatusOr<Curve> ReadCurve(JobId job, std::string_view series, const CurveRange& range) override;
  absl::StatusOr<PointBatch> PointsSince(const std::vector<JobId>& jobs, std::uint64_t sequence, int limit) override;

  absl::StatusOr<StoreStatus> Status() override;
  absl::StatusOr<ScrubReport> Scrub(const OnProgress& on_progress) override {
    return ScrubStore(place_.database, place_.vfs, *files_, on_progress);
  }
  absl::StatusOr<BackupInfo> Backup(const std::string& directory, const OnProgress& on_progress) override;

  std::uint64_t WaitForCommit(std::uint64_t seen, int timeout_ms) override {
    return commits_.Wait(seen, std::chrono::milliseconds(timeout_ms));
  }

  // Carries on with deletions that were under way.
  absl::Status Purge();
  // Removes the checkpoints that jobs of before this rule, or of before a crash, no longer need.
  absl::Status RemoveUnneededCheckpoints();
  // Removes what a committed deletion left.
  absl::Status Remove(const RemovedFiles& files);

 private:
  std::int64_t Now() const { return options_.now_ms(); }

  // As JobChanges::Once, with the jobs as they are now.
  absl::StatusOr<std::vector<CreatedJob>> Once(const Request& request, std::string_view method,
                                               const JobChanges::Carry& carry);

  const StoreOptions options_;
  const Place place_;
  const std::string damage_;
  const std::unique_ptr<FileLock> lock_;
  const std::unique_ptr<Files> files_;
  CommitCounter commits_;
  std::unique_ptr<Readers> readers_;
  std::unique_ptr<Writer> writer_;
  JobFiles job_files_;
  JobChanges changes_;
  ExternalStore external_;
  std::mutex backup_;  // held while one is made
};

// --- jobs ---

absl::StatusOr<std::vector<CreatedJob>> SqliteStore::Once(const Request& request, std::string_view method,
                                                          const JobChanges::Carry& carry) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<AnsweredJob> answer, changes_.Once(request, method, Now(), carry));
  return changes_.Show(answer);
}

absl::StatusOr<std::vector<CreatedJob>> SqliteStore::CreateJobs(const Request& request,
                                                                const std::vector<NewJob>& jobs) {
  return Once(request, "CreateJobs", [&](Connection& db, Details&) -> absl::StatusOr<JobChanges::Answer> {
    NORMLAB_ASSIGN_OR_RETURN(std::vector<AnsweredJob> created, store::CreateJobs(db, jobs, Now()));
    const bool all_reused = std::all_of(created.begin(), created.end(), [](const AnsweredJob& c) { return c.reused; });
    NORMLAB_RETURN_IF_ERROR(all_reused ? absl::OkStatus() : CheckQueue(db, options_.max_queued));
    return JobChanges::Answer{std::move(created)};
  });
}

absl::StatusOr<std::vector<CreatedJob>> SqliteStore::PreviewJobs(const std::vector<NewJob>& jobs) {
  return readers_->Read([&](Connection& db) { return store::PreviewJobs(db, jobs); });
}

absl::StatusOr<CreatedJob> SqliteStore::ImportJob(ImportedJob run) {
  if (!IsTerminal(run.job.state)) {
    return absl::InvalidArgumentError(
        fmt::format("the job is {}; only one that has ended can be imported", StateName(run.job.state)));
  }
  NORMLAB_RETURN_IF_ERROR(CheckColumns(run.curves));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> files, job_files_.PublishImported(run.artifacts));
  CreatedJob result;
  const absl::Status status = writer_->Run(Lane::kPoints, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(std::optional<JobId> id, FindImported(db, run));
    result.reused = id.has_value();
    if (!result.reused) {
      NORMLAB_ASSIGN_OR_RETURN(id, InsertImported(db, run, files));
    }
    NORMLAB_ASSIGN_OR_RETURN(result.job, LoadJob(db, *id));
    return absl::OkStatus();
  });
  if (!status.ok() || result.reused) {
    job_files_.RemoveUnnamed(files, status);
  }
  NORMLAB_RETURN_IF_ERROR(status);
  return result;
}

absl::StatusOr<Job> SqliteStore::GetJob(JobId id) {
  return readers_->Read([&](Connection& db) { return LoadWhole(db, id); });
}

absl::StatusOr<JobPage> SqliteStore::ListJobs(const JobFilter& filter, std::optional<JobId> before, int limit) {
  return readers_->Read([&](Connection& db) { return store::ListJobs(db, filter, before, limit); });
}

absl::StatusOr<OrderedPage> SqliteStore::ListOrdered(const JobFilter& filter, const JobOrder& order,
                                                     std::optional<JobPlace> after, int limit) {
  return readers_->Read([&](Connection& db) { return store::ListOrdered(db, filter, order, after, limit); });
}

absl::StatusOr<std::optional<Job>> SqliteStore::FindByIdentity(std::string_view identity) {
  return readers_->Read([&](Connection& db) -> absl::StatusOr<std::optional<Job>> {
    std::optional<Job> job;
    NORMLAB_ASSIGN_OR_RETURN(const std::optional<JobId> id, BestOfIdentity(db, identity));
    if (id.has_value()) {
      NORMLAB_ASSIGN_OR_RETURN(job, LoadWhole(db, *id));
    }
    return job;
  });
}

absl::StatusOr<std::string> SqliteStore::NewestFact(std::string_view dataset, std::string_view key) {
  return readers_->Read([&](Connection& db) { return store::NewestFact(db, dataset, key); });
}

absl::StatusOr<Job> SqliteStore::Cancel(const Request& request, JobId id) {
  bool answered = true;
  const auto cancelled =
      changes_.Once(request, "Cancel", Now(), [&](Connection& db, Details&) -> absl::StatusOr<JobChanges::Answer> {
        answered = false;
        NORMLAB_RETURN_IF_ERROR(store::Cancel(db, id, Now()));
        NORMLAB_RETURN_IF_ERROR(store::StateOf(db, id).status());
        return JobChanges::Answer{{{.job = id}}};
      });
  NORMLAB_RETURN_IF_ERROR(cancelled.status());
  // What belongs to its end, should this have been it.
  return answered ? GetJob(id) : changes_.Make(id, [](Connection&, Details&) { return absl::OkStatus(); });
}

absl::StatusOr<Job> SqliteStore::ResumeAsNew(const Request& request, JobId id) {
  NORMLAB_ASSIGN_OR_RETURN(const Resumable old, FindResumable(job_files_, *readers_, id));
  NORMLAB_ASSIGN_OR_RETURN(
      std::vector<CreatedJob> jobs,
      Once(request, "ResumeAsNew", [&](Connection& db, Details& details) -> absl::StatusOr<JobChanges::Answer> {
        NORMLAB_RETURN_IF_ERROR(old.job.status());
        NORMLAB_ASSIGN_OR_RETURN(const JobId made, ContinueJob(db, *old.job, old.checkpoint, Now(), details));
        NORMLAB_RETURN_IF_ERROR(CheckQueue(db, options_.max_queued));
        return JobChanges::Answer{{{.job = made}}};
      }));
  return std::move(jobs.front().job);
}

absl::Status SqliteStore::Delete(const Request& request, JobId id) {
  RemovedFiles files;
  const auto whole =
      changes_.Once(request, "Delete", Now(), [&](Connection& db, Details&) -> absl::StatusOr<JobChanges::Answer> {
        files = {};
        NORMLAB_ASSIGN_OR_RETURN(files, DeleteJob(db, id));
        return JobChanges::Answer();
      });
  absl::Status status = whole.status();
  if (absl::IsDataLoss(status)) {
    // Piece by piece; what lies on a damaged page stays there, out of sight.
    files = {};
    const absl::Status row = readers_->Read([id](Connection& db) { return StateOf(db, id); }).status();
    const bool readable = !absl::IsDataLoss(row);
    NORMLAB_RETURN_IF_ERROR(changes_.RunApart(PiecesOf(id, readable, files)).status());
    status =
        readable ? writer_->Run(Lane::kState, 0, [&](Connection& db) { return DeleteRow(db, id); }) : absl::OkStatus();
  }
  NORMLAB_RETURN_IF_ERROR(status);
  return Remove(files);
}

absl::StatusOr<std::vector<BulkOutcome>> SqliteStore::ChangeJobs(const Request& request, const JobFilter& filter,
                                                                 const BulkChange& change, bool dry_run) {
  BulkChanges bulk({.store = *this,
                    .writer = *writer_,
                    .readers = *readers_,
                    .files = *files_,
                    .job_files = job_files_,
                    .changes = changes_,
                    .remove = [this](const RemovedFiles& files) { return Remove(files); },
                    .now_ms = [this] { return Now(); },
                    .max_queued = options_.max_queued},
                   filter, change);
  return dry_run ? bulk.Preview() : bulk.Run(request);
}

absl::StatusOr<std::vector<AttemptInfo>> SqliteStore::ListAttempts(JobId job) {
  return readers_->Read([&](Connection& db) { return store::ListAttempts(db, job); });
}

absl::Status SqliteStore::Remove(const RemovedFiles& files) {
  files_->Remove(Folder::kCheckpoints, files.checkpoints);
  files_->Remove(Folder::kArtifacts, files.artifacts);
  return Purge();
}

absl::Status SqliteStore::Purge() {
  std::int64_t series = 0;
  for (;;) {
    std::int64_t next = 0;
    const absl::Status purged = writer_->Run(Lane::kPoints, 0, [&](Connection& db) -> absl::Status {
      NORMLAB_ASSIGN_OR_RETURN(next, NextToPurge(db, series));
      return next == 0 ? absl::OkStatus() : PurgeSome(db, next);
    });
    if (absl::IsDataLoss(purged) && next != 0) {
      // Its job is gone from sight; the space it takes is all that stays.
      Log(LogLevel::kError, "purge_skipped", {{"series", next}, {"error", Message(purged)}});
      series = next;
      continue;
    }
    NORMLAB_RETURN_IF_ERROR(purged);
    if (next == 0) {
      return absl::OkStatus();
    }
  }
}

absl::StatusOr<std::vector<Job>> SqliteStore::ChangedSince(std::uint64_t after, int limit) {
  return readers_->Read([&](Connection& db) { return store::ChangedSince(db, Cursor(after), limit); });
}

absl::Status SqliteStore::RemoveUnneededCheckpoints() {
  constexpr int kAtOnce = 500;
  for (std::size_t found = kAtOnce; found == kAtOnce;) {
    std::vector<std::string> files;
    NORMLAB_RETURN_IF_ERROR(writer_->Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
      files.clear();
      NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> jobs, JobsWithUnneededCheckpoints(db, kAtOnce));
      found = jobs.size();
      for (const JobId job : jobs) {
        NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> some, DeleteUnneededCheckpoints(db, job));
        files.insert(files.end(), some.begin(), some.end());
      }
      return absl::OkStatus();
    }));
    files_->Remove(Folder::kCheckpoints, files);
  }
  return absl::OkStatus();
}

// --- workers ---

absl::StatusOr<std::optional<Lease>> SqliteStore::LeaseNext(const Request& request, const Worker& worker) {
  return LeaseFirst(changes_, *readers_, request, worker, Now());
}

absl::StatusOr<bool> SqliteStore::StartAttempt(AttemptId attempt, const Computation& computation) {
  Started started;
  NORMLAB_ASSIGN_OR_RETURN(const Job job, GetJob(attempt.job));  // only its own attempt changes what is read of it here
  const auto start = [&](Connection& db, Details& details) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(started, store::StartAttempt(db, attempt, job, computation, details));
    return absl::OkStatus();
  };
  NORMLAB_RETURN_IF_ERROR(changes_.Make(attempt.job, start).status());
  NORMLAB_RETURN_IF_ERROR(Remove(started.dropped));
  return started.afresh;
}

absl::Status SqliteStore::Release(AttemptId attempt, std::string_view why) {
  return changes_
      .Make(attempt.job,
            [&](Connection& db, Details& details) { return store::Release(db, attempt, why, Now(), details); })
      .status();
}

absl::Status SqliteStore::Died(AttemptId attempt, std::string_view why, int most) {
  const absl::Status status =
      changes_
          .Make(attempt.job,
                [&](Connection& db, Details& details) { return store::Died(db, attempt, why, most, Now(), details); })
          .status();
  if (!absl::IsDataLoss(status)) {
    return status;
  }
  // Its deaths cannot be counted, and it must not die for ever.
  return changes_
      .Make(attempt.job,
            [&](Connection& db, Details& details) {
              return Fail(db, attempt, fmt::format("{}; how often before cannot be read ({})", why, Message(status)),
                          Now(), details);
            })
      .status();
}

absl::StatusOr<std::vector<Job>> SqliteStore::ActiveJobs() {
  return readers_->Read([&](Connection& db) { return store::ActiveJobs(db); });
}

absl::StatusOr<Job> SqliteStore::ReportProgress(AttemptId attempt, const Progress& progress) {
  Job job;
  NORMLAB_RETURN_IF_ERROR(writer_->Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_RETURN_IF_ERROR(store::ReportProgress(db, attempt, progress));
    NORMLAB_ASSIGN_OR_RETURN(job, LoadRow(db, attempt.job));
    return absl::OkStatus();
  }));
  return job;
}

absl::StatusOr<AppendResult> SqliteStore::AppendPoints(AttemptId attempt, const std::vector<PointColumns>& columns) {
  NORMLAB_RETURN_IF_ERROR(CheckColumns(columns));
  std::size_t points = 0;
  for (const PointColumns& column : columns) {
    points += column.steps.size();
  }
  absl::StatusOr<AppendResult> result;
  absl::Status differs;
  const absl::Status run = writer_->Run(Lane::kPoints, points, [&](Connection& db) -> absl::Status {
    differs = absl::OkStatus();
    NORMLAB_RETURN_IF_ERROR(CheckCurrent(db, attempt));
    const absl::Status taken = InSavepoint(db, [&] {
      result = store::AppendPoints(db, attempt, columns);
      return result.status();
    });
    if (!absl::IsDataLoss(taken) || !db.InTransaction()) {
      return taken;
    }
    // The program is not deterministic, or what it repeats cannot be compared. None of the points is kept.
    differs = taken;
    return absl::OkStatus();
  });
  if (!absl::IsDataLoss(run) && differs.ok()) {
    NORMLAB_RETURN_IF_ERROR(run);
    return result;
  }
  const absl::Status why = differs.ok() ? run : differs;
  NORMLAB_RETURN_IF_ERROR(
      changes_
          .Make(attempt.job,
                [&](Connection& db, Details& details) { return Fail(db, attempt, Message(why), Now(), details); })
          .status());
  return why;
}

absl::StatusOr<StoredCheckpoint> SqliteStore::OpenCheckpoint(JobId job, std::uint64_t step) {
  NORMLAB_ASSIGN_OR_RETURN(JobFiles::OpenedCheckpoint opened, job_files_.OpenCheckpoint(job, step));
  return StoredCheckpoint{opened.row.info, std::move(opened.file)};
}

absl::StatusOr<Job> SqliteStore::Finish(AttemptId attempt, const FinishInfo& info) {
  return changes_.Make(
      attempt.job, [&](Connection& db, Details& details) { return store::Finish(db, attempt, info, Now(), details); });
}

// --- curves ---

absl::StatusOr<std::vector<SeriesInfo>> SqliteStore::ListSeries(JobId job) {
  return readers_->Read([&](Connection& db) { return store::ListSeries(db, job); });
}

absl::StatusOr<Curve> SqliteStore::ReadCurve(JobId job, std::string_view series, const CurveRange& range) {
  return readers_->Read([&](Connection& db) { return store::ReadCurve(db, job, series, range); });
}

absl::StatusOr<PointBatch> SqliteStore::PointsSince(const std::vector<JobId>& jobs, std::uint64_t sequence, int limit) {
  return readers_->Read([&](Connection& db) { return store::PointsSince(db, jobs, Cursor(sequence), limit); });
}

// --- upkeep ---

std::uint64_t SizeOrNone(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

absl::StatusOr<StoreStatus> SqliteStore::Status() {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(place_.database, error);
  NORMLAB_ASSIGN_OR_RETURN(StoreStatus status, readers_->Read(DatabaseStatus));
  status.log_bytes = SizeOrNone(place_.database + "-wal");
  status.free_bytes = error ? 0 : space.available;
  return status;
}

absl::StatusOr<BackupInfo> SqliteStore::Backup(const std::string& directory, const OnProgress& on_progress) {
  const std::unique_lock alone(backup_, std::try_to_lock);
  if (!alone) {
    return absl::FailedPreconditionError("another backup is being made; wait for its end");
  }
  return MakeBackup({place_.database, place_.vfs, *files_}, *options_.fs, directory, Now(), on_progress);
}

// An empty file readable by its owner alone, which SQLite then fills: it would create one readable by everyone.
absl::Status CreateIfMissing(FileSystem& fs, const std::string& directory, const std::string& name) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(directory));
  return std::binary_search(names.begin(), names.end(), name)
             ? absl::OkStatus()
             : fs.AtomicWrite(fmt::format("{}/{}", directory, name), "");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory, StoreOptions options,
                                                 const EngineOptions& engine) {
  constexpr const char* kFile = "normlab.db";
  const std::string path = fmt::format("{}/{}", directory, kFile);
  options.now_ms = options.now_ms ? options.now_ms : UnixMs;
  options.fs = options.fs != nullptr ? options.fs : &PosixFileSystem();
  NORMLAB_RETURN_IF_ERROR(options.fs->MakeDirectories(directory));
  NORMLAB_RETURN_IF_ERROR(CheckPlacement(directory));
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock,
                           FileLock::Acquire(path + ".lock", fmt::format("process {}", ::getpid())));
  NORMLAB_RETURN_IF_ERROR(CreateIfMissing(*options.fs, directory, kFile));
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(path, {.vfs = engine.vfs}));
  NORMLAB_RETURN_IF_ERROR(PrepareSchema(*connection, path, options.now_ms(), Migrations()));
  if (!engine.sync) {
    NORMLAB_RETURN_IF_ERROR(connection->Script("PRAGMA synchronous = NORMAL"));
  }
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<Files> files, Files::Open(*options.fs, directory));
  if (const absl::Status removed = files->RemoveOrphans(*connection, options.now_ms()); absl::IsDataLoss(removed)) {
    Log(LogLevel::kError, "orphans_not_removed", {{"error", Message(removed)}});
  } else {
    NORMLAB_RETURN_IF_ERROR(removed);
  }
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<Readers> readers,
                           Readers::Open(path, options.readers, engine.vfs, options.read_deadline));
  NORMLAB_ASSIGN_OR_RETURN(std::string damage, LookForDamage(path, engine.vfs, options.check));
  auto store = std::make_unique<SqliteStore>(std::move(options), SqliteStore::Place{path, engine.vfs}, std::move(lock),
                                             std::move(files), std::move(connection), engine.checkpoint_pages,
                                             std::move(readers), std::move(damage));
  for (const absl::Status& status : {store->Purge(), store->RemoveUnneededCheckpoints()}) {
    if (!status.ok() && !absl::IsDataLoss(status)) {
      return status;
    }
  }
  return store;
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& directory, StoreOptions options) {
  return OpenStore(directory, std::move(options), {});
}

}  // namespace normlab::store
