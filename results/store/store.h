// store.h - the SQLite store of jobs, attempts, points, checkpoints and artifacts.
//
// One writer thread owns the only read-write connection and commits in groups: calls that arrive within a few
// milliseconds share one transaction, and every write call returns after that transaction is on disk (WAL,
// synchronous=FULL). Reads use a small pool of read-only connections and never wait for the writer.
//
// The store knows no wire types: a job's spec is opaque bytes to it, beside the columns it filters by.
//
// Thread safety: all methods, any thread. Write calls block until durable; do not call them from a gRPC reaction.
// Errors: kNotFound for an unknown job, kFailedPrecondition for a stale attempt or a state that does not allow the
// call, kAlreadyExists for a request id used with another body, kResourceExhausted when the disk or the queue is full
// (nothing acknowledged is lost, reads go on), kDeadlineExceeded for a read that takes too long, kDataLoss for a chunk
// or checkpoint whose checksum is wrong and for what meets a damaged page (other jobs go on, and the damaged one can
// still be ended, resumed and deleted; what was lost is in its fact "damage"), kUnavailable once SQLite failed to write
// or sync: the store then refuses all writes until it is reopened, and says so once by StoreOptions::on_stopped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace normlab::store {

// Same numbers as v1::JobState.
enum class JobState : int {
  kQueued = 1,
  kRunning = 2,
  kCancelling = 3,
  kSucceeded = 4,
  kFailed = 5,
  kCancelled = 6,
  kDiverged = 7,
};
inline bool IsTerminal(JobState s) { return s >= JobState::kSucceeded; }
std::string_view StateName(JobState state);  // "SUCCEEDED"

using JobId = std::int64_t;  // "j17" on the wire is 17 here

// What makes a job the run of another program, which logs it itself (external_runs.h).
struct ExternalRun {
  std::int64_t experiment = 0;  // ExternalExperiment::id, whose name is Job::experiment
  bool removed = false;         // put aside by whoever logged it
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;  // besides labels
};

struct Job {
  JobId id = 0;
  std::string spec;        // opaque: the resolved spec, serialised
  std::string experiment;  // "mnist_mlp"
  std::string identity;
  std::string dataset;
  JobState state = JobState::kQueued;
  int priority = 0;
  int attempt = 0;
  std::int64_t created_ms = 0;  // Unix time; 0: not yet
  std::int64_t started_ms = 0;
  std::int64_t finished_ms = 0;
  std::uint64_t steps_done = 0;
  std::uint64_t steps_total = 0;
  double steps_per_second = 0;
  double cpu_seconds = 0;  // of all attempts
  std::string error;
  std::string fingerprint;
  std::string worker;  // Worker::name and ::id of the last attempt
  std::string worker_id;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> facts;
  std::uint64_t revision = 0;
  JobId resumed_from = 0;               // 0: it continues none
  std::optional<ExternalRun> external;  // absent: normlab's own; present: no spec, identity, attempt or worker
};

struct NewJob {
  std::string spec;
  std::string experiment;
  std::string identity;
  std::string dataset;
  int priority = 0;
  std::map<std::string, std::string> labels;
  bool rerun =
      false;  // true: a new job even if one of the same identity is queued, running or has succeeded or diverged
};

struct CreatedJob {
  Job job;
  bool reused = false;
};

// Identifies a mutation for exactly-once answers. An empty id means "not idempotent".
struct Request {
  std::string id;
  std::string body_hash;  // equal bodies, equal hashes
};

// All that is named must match.
struct JobFilter {
  std::vector<JobId> ids = {};   // empty: all
  std::vector<JobState> states;  // empty: all
  std::string experiment;
  std::map<std::string, std::string> labels;
};

struct JobPage {
  std::vector<Job> jobs;             // newest first
  std::optional<JobId> next_before;  // pass as `before` for the next page; absent: the end
};

// In which order jobs are listed; of equal ones the newest is first, and those without a value are last.
struct JobOrder {
  enum class By { kCreated, kStarted, kFinished, kPriority, kLowest, kHighest, kLast };
  By by = By::kCreated;
  std::string series = {};  // of the last three
  bool descending = false;
};
// A job's place in such an order.
struct JobPlace {
  JobId id = 0;
  double value = 0;  // NaN: it has none
};
struct OrderedPage {
  std::vector<Job> jobs;
  std::vector<double> values;    // of each of them
  std::optional<JobPlace> next;  // pass as `after` for the next page; absent: the end
};

// A change of many jobs at once.
struct BulkChange {
  enum class Kind { kCancel, kResume, kDelete, kUpdate };
  Kind kind = Kind::kCancel;
  std::function<absl::Status(const Job&)> may_resume = {};  // kResume: what is not OK leaves the job alone
  // kUpdate:
  std::map<std::string, std::string> set_labels = {};
  std::vector<std::string> remove_labels = {};
  std::optional<int> priority = {};
  std::size_t max_labels = 64;  // of a job
};
struct BulkOutcome {
  absl::Status left;   // why the job was left alone; OK: it was changed, or would be
  Job job;             // without spec and facts; of a resumed one the new job
  bool shown = false;  // whether more than the id of `job` is said: not of one that was left alone or is gone
};

struct AttemptInfo {
  int number = 0;
  std::string worker;
  std::int64_t started_ms = 0;
  std::int64_t ended_ms = 0;  // 0: under way
  std::string ending;         // a state's name, or why it ended without an outcome
  bool died = false;
  std::optional<std::uint64_t> first_step;  // of the checkpoint that it began from
  std::optional<std::uint64_t> steps_done;  // of its job when it ended, or now
};

struct Worker {
  std::string name;     // "host:pid", for people; its own word
  std::string id = {};  // that its launcher gave; empty: it was started by hand
};

// What a worker holds. `number` is the fencing token.
struct AttemptId {
  JobId job = 0;
  int number = 0;
};

// What the bits of a run depend on, as the attempt at hand computes it.
struct Computation {
  std::string identity;                      // of the run
  std::map<std::string, std::string> facts;  // all must be equal for results of two attempts to be of one run
};

struct Lease {
  Job job;  // RUNNING, attempt = the token
  std::optional<std::uint64_t> checkpoint_step;
};

struct PointColumns {
  std::string series;
  std::vector<std::uint64_t> steps;  // strictly rising
  std::vector<double> values;        // bits are kept, NaN included
  std::vector<std::int64_t> wall_ms;
};

struct AppendResult {
  std::uint64_t stored = 0;
  std::uint64_t repeated = 0;
};

struct SeriesInfo {
  std::string name;
  std::uint64_t points = 0;  // steps that have one
  std::uint64_t first_step = 0;
  std::uint64_t last_step = 0;
  double min = 0;  // over finite values; NaN if there are none
  double max = 0;
  double last = 0;
  std::uint64_t not_finite = 0;
  std::int64_t last_ms = 0;  // when the last point was measured; 0: not known, stored before this was kept
};

enum class Downsampling { kMinMax, kLttb };

struct CurveRange {
  std::uint64_t from_step = 0;
  std::optional<std::uint64_t> to_step;  // inclusive
  std::uint32_t max_points = 0;          // 0: all
  Downsampling downsampling = Downsampling::kMinMax;
  bool skip_damaged = false;  // true: what is whole, and Curve::damage; false: kDataLoss
};

struct Curve {
  std::vector<std::uint64_t> steps;
  std::vector<double> values;
  std::vector<std::int64_t> wall_ms;
  std::uint64_t points_total = 0;  // in the range, before downsampling
  std::string damage;              // what was skipped; empty: nothing
};

// New points since a sequence, for following curves.
struct PointBatch {
  struct Columns {
    JobId job;
    std::string series;
    std::vector<std::uint64_t> steps;
    std::vector<double> values;
  };
  std::vector<Columns> columns;
  std::uint64_t sequence = 0;  // resume after this one
};

struct CheckpointInfo {
  std::uint64_t step = 0;
  std::uint64_t size = 0;
  std::uint32_t crc32c = 0;
};

struct ArtifactInfo {
  std::string name;
  std::string media_type;
  std::uint64_t step = 0;
  std::uint64_t size = 0;
  std::uint32_t crc32c = 0;
};

// A file of the store whose size and checksum were found right when it was opened. It stays readable if the store
// removes it meanwhile. To be read in pieces: it may be larger than memory.
struct StoredCheckpoint {
  CheckpointInfo info;
  std::unique_ptr<ReadableFile> file;
};
struct StoredArtifact {
  ArtifactInfo info;
  std::unique_ptr<ReadableFile> file;
};

struct FinishInfo {
  JobState state = JobState::kSucceeded;  // terminal
  std::string error;
  std::string fingerprint;
  std::uint64_t steps_done = 0;
  double cpu_seconds = 0;  // of this attempt
  std::map<std::string, std::string> facts;
};

struct Progress {
  std::uint64_t steps_done = 0;
  std::uint64_t steps_total = 0;
  double steps_per_second = 0;
  double cpu_seconds = 0;  // of this attempt so far
};

// A job that ended in another store. Its id, identity, attempt and revision mean nothing here.
struct ImportedJob {
  struct Artifact {
    ArtifactInfo info;
    std::unique_ptr<PendingFile> file;  // from NewImportedFile
  };
  Job job;                  // terminal
  Computation computation;  // its identity, and which of its facts tell what its bits depend on
  std::vector<PointColumns> curves;
  std::vector<Artifact> artifacts;
};

// What takes long says now and then how far it is, in bytes; an answer of false ends it with kCancelled.
struct UpkeepProgress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // an estimate
};
using OnProgress = std::function<bool(const UpkeepProgress&)>;

// What was found when everything was read back.
struct ScrubReport {
  std::uint64_t bytes = 0;  // of rows and files
  std::uint64_t series = 0;
  std::uint64_t files = 0;
  std::uint64_t damaged = 0;        // tables, pieces of curves, files
  std::vector<std::string> damage;  // what is wrong with the first of them, for people
};

// A copy of the whole store in a folder of its own, which can be served or restored from.
struct BackupInfo {
  std::string name;  // of its folder; the time it was taken
  std::int64_t taken_ms = 0;
  std::uint64_t jobs = 0;
  std::uint64_t bytes = 0;
};

struct StoreStatus {
  std::map<JobState, std::uint64_t> jobs;
  std::uint64_t database_bytes = 0;
  std::uint64_t unused_bytes = 0;  // of these: free for what comes next
  std::uint64_t log_bytes = 0;     // not yet moved into the database
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t artifact_bytes = 0;
  std::uint64_t free_bytes = 0;  // of the disk
};

struct StoreOptions {
  std::function<std::int64_t()> now_ms;            // Unix time; default: the system clock. Never used for leases.
  FileSystem* fs = nullptr;                        // checkpoint and artifact files; default: PosixFileSystem()
  int readers = 3;                                 // connections; 0: every read is refused
  std::chrono::milliseconds read_deadline{5'000};  // for one call; some 50M points of a curve
  // Called once, on a thread of the store, when an I/O error ends all writing. Must not call the store, nor wait.
  std::function<void(const absl::Status& why)> on_stopped;
  // How long opening may look for damage: jobs first, points last. What is found is logged and in damage().
  std::chrono::milliseconds check{2'000};
  std::int64_t max_queued = 100'000;  // jobs; a call that would make more is kResourceExhausted
};

class ExternalRuns;

class Store {
 public:
  // Opens or creates <directory>/normlab.db and its checkpoint and artifact folders. Migrates an older schema inside
  // one transaction after a backup beside it; refuses a newer one and a file that is not a normlab store
  // (kFailedPrecondition).
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory, StoreOptions options = {});
  // Commits what is queued, checkpoints the WAL.
  virtual ~Store() = default;

  // What was found damaged when the store was opened, for people; empty: nothing, in the time there was.
  virtual const std::string& damage() const = 0;

  // --- jobs ---
  // All or none. A replay of `request` returns the first answer.
  virtual absl::StatusOr<std::vector<CreatedJob>> CreateJobs(const Request& request,
                                                             const std::vector<NewJob>& jobs) = 0;
  // What CreateJobs would return now, with nothing stored. A job that would be new has the id 0, its spec and identity
  // and no more; so has one that would reuse such a job of the same call.
  virtual absl::StatusOr<std::vector<CreatedJob>> PreviewJobs(const std::vector<NewJob>& jobs) = 0;
  // Adds a job that ended elsewhere, whole or not at all: `reused` if it is the one that is stored already.
  // kInvalidArgument if it has not ended or its points are not well formed, kFailedPrecondition if the same code gave
  // other results here, kDataLoss for a file that is not what was announced.
  virtual absl::StatusOr<CreatedJob> ImportJob(ImportedJob run) = 0;
  virtual absl::StatusOr<std::unique_ptr<PendingFile>> NewImportedFile(std::string_view name) = 0;
  virtual absl::StatusOr<Job> GetJob(JobId id) = 0;
  virtual absl::StatusOr<JobPage> ListJobs(const JobFilter& filter, std::optional<JobId> before, int limit) = 0;
  // The same in another order. A page is read anew from what holds then: a job whose value changes between two pages may be
  // on both or on none, all others are on one.
  virtual absl::StatusOr<OrderedPage> ListOrdered(const JobFilter& filter, const JobOrder& order,
                                                  std::optional<JobPlace> after, int limit) = 0;
  // The best stored job of an identity: succeeded, else diverged, else under way, else queued, else the newest.
  virtual absl::StatusOr<std::optional<Job>> FindByIdentity(std::string_view identity) = 0;
  // The fact `key` of the newest job of `dataset` that has it; empty: none has. Looks at every job: not for often.
  virtual absl::StatusOr<std::string> NewestFact(std::string_view dataset, std::string_view key) = 0;
  virtual absl::StatusOr<Job> Cancel(const Request& request, JobId id) = 0;
  // A new job with the spec of a CANCELLED or FAILED one, starting from its newest good checkpoint and with its points
  // up to that step.
  virtual absl::StatusOr<Job> ResumeAsNew(const Request& request, JobId id) = 0;
  virtual absl::Status Delete(const Request& request, JobId id) = 0;
  // Changes all jobs that match, in slices that are each one transaction, newest first; each job is as it would be by the call
  // for one, or is left alone. `dry_run`: nothing is changed. A repeated request goes on where the first one stopped, and
  // says of what it had done what was said then.
  virtual absl::StatusOr<std::vector<BulkOutcome>> ChangeJobs(const Request& request, const JobFilter& filter,
                                                              const BulkChange& change, bool dry_run) = 0;
  // First to last.
  virtual absl::StatusOr<std::vector<AttemptInfo>> ListAttempts(JobId job) = 0;
  virtual absl::StatusOr<std::int64_t> CountQueued() = 0;
  // Jobs whose revision is later than `after`, by revision; at most `limit`.
  virtual absl::StatusOr<std::vector<Job>> ChangedSince(std::uint64_t after, int limit) = 0;

  // --- workers ---
  // Takes the first queued job (priority, then age), raises its attempt and sets it RUNNING. Absent: nothing is queued.
  virtual absl::StatusOr<std::optional<Lease>> LeaseNext(const Request& request, const Worker& worker) = 0;
  // An attempt's first call. `computation` becomes the job's identity and joins its facts. If the job has results of another
  // one, or of nobody knows which, they are dropped in the same transaction: the attempt starts from step 0, and the fact
  // "restarted" says why. Whether that is so; the same when it is repeated.
  virtual absl::StatusOr<bool> StartAttempt(AttemptId attempt, const Computation& computation) = 0;
  // Ends the attempt without an outcome (worker died, lease expired, server draining): RUNNING goes back to QUEUED,
  // CANCELLING becomes CANCELLED. Not an error if the attempt is stale: then nothing changes.
  virtual absl::Status Release(AttemptId attempt, std::string_view why) = 0;
  // Release for an attempt whose worker died. The job FAILS instead once `most` attempts in a row have died without a
  // checkpoint beyond the one they started from; that is counted on disk, so no restart forgets it.
  virtual absl::Status Died(AttemptId attempt, std::string_view why, int most) = 0;
  // Every job of a worker that is RUNNING or CANCELLING, for a server that starts.
  virtual absl::StatusOr<std::vector<Job>> ActiveJobs() = 0;
  // Returns the job without its labels and facts; its state tells whether to stop. Waits for no read: it tells that a worker
  // lives.
  virtual absl::StatusOr<Job> ReportProgress(AttemptId attempt, const Progress& progress) = 0;
  // Stores new points; points at or before a stored step are compared bit by bit. A difference fails the job
  // (kDataLoss; state FAILED, the error names series, step and both values).
  virtual absl::StatusOr<AppendResult> AppendPoints(AttemptId attempt, const std::vector<PointColumns>& columns) = 0;
  virtual absl::StatusOr<Job> Finish(AttemptId attempt, const FinishInfo& info) = 0;

  // --- files ---
  // A file is made, filled piece by piece and handed back with what it should be. If its size or CRC-32C is another,
  // the call is kDataLoss and nothing is kept; else the file is on disk under its name before its row is. At no time is
  // a whole file in memory.
  virtual absl::StatusOr<std::unique_ptr<PendingFile>> NewCheckpointFile(AttemptId attempt, std::uint64_t step) = 0;
  // Keeps the last two of a job: to go on from, or to be resumed from if it is CANCELLED or FAILED. Of one that SUCCEEDED or
  // DIVERGED one is kept, the newest with an update behind it, to verify the end of the run by; its weights are an artifact.
  // `file` comes from NewCheckpointFile.
  virtual absl::Status PutCheckpoint(AttemptId attempt, const CheckpointInfo& info,
                                     std::unique_ptr<PendingFile> file) = 0;
  // The newest checkpoint of at most `step` updates that is whole. kNotFound names those there are.
  virtual absl::StatusOr<StoredCheckpoint> OpenCheckpoint(
      JobId job, std::uint64_t step = std::numeric_limits<std::uint64_t>::max()) = 0;
  // kInvalidArgument unless `name` is [A-Za-z0-9][A-Za-z0-9._-]{0,127}.
  virtual absl::StatusOr<std::unique_ptr<PendingFile>> NewArtifactFile(AttemptId attempt, std::string_view name) = 0;
  // Replaces an artifact of that name. `file` comes from NewArtifactFile.
  virtual absl::Status PutArtifact(AttemptId attempt, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) = 0;
  virtual absl::StatusOr<std::vector<ArtifactInfo>> ListArtifacts(JobId job) = 0;
  virtual absl::StatusOr<StoredArtifact> OpenArtifact(JobId job, std::string_view name) = 0;

  // --- runs of other programs ---
  virtual ExternalRuns& external() = 0;

  // --- curves ---
  virtual absl::StatusOr<std::vector<SeriesInfo>> ListSeries(JobId job) = 0;
  virtual absl::StatusOr<Curve> ReadCurve(JobId job, std::string_view series, const CurveRange& range) = 0;
  // Points of `jobs` stored after `sequence`, at most `limit` points.
  virtual absl::StatusOr<PointBatch> PointsSince(const std::vector<JobId>& jobs, std::uint64_t sequence, int limit) = 0;

  // --- upkeep ---
  virtual absl::StatusOr<StoreStatus> Status() = 0;
  // Reads back every page, every checksum of points and every file, beside everything else that goes on. Damage is no
  // error but in the report.
  virtual absl::StatusOr<ScrubReport> Scrub(const OnProgress& on_progress) = 0;
  // Copies all that is committed now into a new folder below `directory`, beside everything else that goes on, and reads the
  // copy back. Whole or not at all; what a crash left of an earlier one is removed. kDataLoss if the store is damaged, and
  // kFailedPrecondition while another backup is made.
  virtual absl::StatusOr<BackupInfo> Backup(const std::string& directory, const OnProgress& on_progress) = 0;

  // Blocks until something was committed since `seen` (a counter this returns) or `timeout_ms` has passed. For streams
  // and leases that wait for news.
  virtual std::uint64_t WaitForCommit(std::uint64_t seen, int timeout_ms) = 0;
};

}  // namespace normlab::store
