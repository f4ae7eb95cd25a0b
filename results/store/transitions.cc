#include "results/store/transitions.h"

#include <fmt/format.h>

#include <cmath>

#include "results/store/jobs.h"

namespace normlab::store {
namespace {

// A rate measured over no time is infinite, and SQLite would turn a NaN into NULL.
double FiniteOrZero(double value) { return std::isfinite(value) ? value : 0.0; }

auto EndAttempt(AttemptId attempt, std::string_view reason, std::int64_t now_ms) {
  return [attempt, reason = std::string(reason), now_ms](Connection& db) {
    return db.Run(
        "UPDATE attempt SET ended_ms = ?3, reason = ?4, steps_done = (SELECT steps_done FROM job WHERE id = ?1) "
        "WHERE job = ?1 AND number = ?2 AND ended_ms = 0",
        attempt.job, attempt.number, now_ms, reason);
  };
}

absl::Status LoadCheckpointStep(Connection& db, Lease& lease) {
  Query row = db.Ask("SELECT max(step) FROM checkpoint WHERE job = ?1", lease.job.id);
  if (row.Next() && !row.IsNull(0)) {
    lease.checkpoint_step = row.Unsigned(0);
  }
  return row.status();
}

}  // namespace

absl::Status CheckCurrent(Connection& db, AttemptId attempt) {
  Query row = db.Ask("SELECT attempt, state FROM job WHERE id = ?1", attempt.job);
  if (!row.Next()) {
    NORMLAB_RETURN_IF_ERROR(row.status());
    return absl::NotFoundError(fmt::format("{} does not exist", JobName(attempt.job)));
  }
  const auto state = static_cast<JobState>(row.Int(1));
  if (row.Int(0) == attempt.number && (state == JobState::kRunning || state == JobState::kCancelling)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      fmt::format("attempt {} of {} is over: the job is {} and its last attempt is {}; this worker must stop",
                  attempt.number, JobName(attempt.job), StateName(state), row.Int(0)));
}

absl::StatusOr<JobState> StateOf(Connection& db, JobId id) {
  Query row = db.Ask("SELECT state FROM job WHERE id = ?1", id);
  if (!row.Next()) {
    NORMLAB_RETURN_IF_ERROR(row.status());
    return absl::NotFoundError(fmt::format("{} does not exist", JobName(id)));
  }
  return static_cast<JobState>(row.Int(0));
}

absl::StatusOr<std::vector<AttemptInfo>> ListAttempts(Connection& db, JobId job) {
  NORMLAB_RETURN_IF_ERROR(StateOf(db, job).status());
  std::vector<AttemptInfo> attempts;
  Query row = db.Ask(
      "SELECT number, attempt.worker, attempt.started_ms, ended_ms, reason, died, "
      "CASE WHEN start_step < -1 THEN -3 - start_step ELSE start_step END, "  // of before a restart: ForgetStarts
      "CASE ended_ms WHEN 0 THEN job.steps_done ELSE attempt.steps_done END "
      "FROM attempt JOIN job ON job.id = attempt.job WHERE job = ?1 ORDER BY number",
      job);
  const auto step = [&row](int column) {
    return row.Int(column) < 0 ? std::nullopt : std::optional<std::uint64_t>(row.Unsigned(column));
  };
  while (row.Next()) {
    attempts.push_back({.number = static_cast<int>(row.Int(0)),
                        .worker = row.Text(1),
                        .started_ms = row.Int(2),
                        .ended_ms = row.Int(3),
                        .ending = row.Text(4),
                        .died = row.Int(5) != 0,
                        .first_step = step(6),
                        .steps_done = step(7)});
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return attempts;
}

absl::StatusOr<std::vector<JobId>> ReadableQueue(Connection& db) {
  NORMLAB_ASSIGN_OR_RETURN(
      const std::vector<JobId> queued,
      db.Ints("SELECT id FROM job INDEXED BY job_queue WHERE state = 1 ORDER BY priority DESC, id"));
  std::vector<JobId> readable;
  for (const JobId id : queued) {
    const absl::Status read = db.Run("SELECT spec FROM job WHERE id = ?1", id);
    if (!absl::IsDataLoss(read)) {
      NORMLAB_RETURN_IF_ERROR(read);
      readable.push_back(id);
    }
  }
  return readable;
}

absl::StatusOr<std::optional<AttemptId>> LeaseJob(Connection& db, std::optional<JobId> wanted, const Worker& worker,
                                                  std::int64_t now_ms, Details& details) {
  std::optional<AttemptId> leased;
  {
    Query row = db.Ask(
        "UPDATE job SET state = 2, attempt = attempt + 1, worker = ?1, worker_id = ?4, steps_per_second = 0, "
        "cpu_before = cpu_seconds, "
        "started_ms = CASE started_ms WHEN 0 THEN ?2 ELSE started_ms END, " NORMLAB_NEW_REVISION
        " WHERE state = 1 AND id = ifnull(?3, "
        "(SELECT id FROM job INDEXED BY job_queue WHERE state = 1 ORDER BY priority DESC, id LIMIT 1)) "
        "RETURNING id, attempt",
        worker.name, now_ms, wanted, worker.id);
    if (row.Next()) {
      leased = {.job = row.Int(0), .number = static_cast<int>(row.Int(1))};
    }
    while (row.Next()) {
    }
    NORMLAB_RETURN_IF_ERROR(row.status());
  }
  if (!leased) {
    return leased;
  }
  NORMLAB_RETURN_IF_ERROR(NextRevision(db).status());
  details.push_back([attempt = *leased, worker, now_ms](Connection& db) {
    return db.Run(
        "INSERT INTO attempt(job, number, worker, worker_id, started_ms, start_step) SELECT ?1, ?2, ?3, ?5, ?4, "
        "(SELECT coalesce(max(step), -1) FROM checkpoint WHERE job = ?1)",
        attempt.job, attempt.number, worker.name, now_ms, worker.id);
  });
  return leased;
}

absl::StatusOr<Lease> LoadLease(Connection& db, AttemptId attempt) {
  Lease lease;
  NORMLAB_ASSIGN_OR_RETURN(lease.job, LoadJob(db, attempt.job));
  NORMLAB_RETURN_IF_ERROR(LoadCheckpointStep(db, lease));
  return lease;
}

absl::StatusOr<Lease> LoadWholeLease(Connection& db, AttemptId attempt) {
  Lease lease;
  NORMLAB_ASSIGN_OR_RETURN(lease.job, LoadWhole(db, attempt.job));
  const absl::Status step = LoadCheckpointStep(db, lease);
  NORMLAB_RETURN_IF_ERROR(absl::IsDataLoss(step) ? absl::OkStatus() : step);
  return lease;
}

absl::Status Release(Connection& db, AttemptId attempt, std::string_view why, std::int64_t now_ms, Details& details) {
  NORMLAB_ASSIGN_OR_RETURN(
      const bool changed,
      ChangeJob(db,
                "UPDATE job SET finished_ms = CASE state WHEN 3 THEN ?3 ELSE 0 END, "
                "state = CASE state WHEN 3 THEN 6 ELSE 1 END, steps_per_second = 0, " NORMLAB_NEW_REVISION
                " WHERE id = ?1 AND attempt = ?2 AND state IN (2, 3)",
                attempt.job, attempt.number, now_ms));
  if (changed) {
    details.push_back(EndAttempt(attempt, why, now_ms));
  }
  return absl::OkStatus();
}

absl::Status Died(Connection& db, AttemptId attempt, std::string_view why, int most, std::int64_t now_ms,
                  Details& details) {
  NORMLAB_RETURN_IF_ERROR(db.Run("UPDATE attempt SET died = 1 WHERE job = ?1 AND number = ?2 AND ended_ms = 0",
                                 attempt.job, attempt.number));
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t deaths,
                           db.Int("SELECT count(*) FROM attempt WHERE job = ?1 AND died = 1 AND "
                                  "start_step >= (SELECT coalesce(max(step), -1) FROM checkpoint WHERE job = ?1)",
                                  attempt.job));
  NORMLAB_ASSIGN_OR_RETURN(
      const std::int64_t running,
      db.Int("SELECT count(*) FROM job WHERE id = ?1 AND attempt = ?2 AND state = 2", attempt.job, attempt.number));
  if (running == 0 || deaths < most) {
    return Release(db, attempt, why, now_ms, details);
  }
  return Fail(db, attempt,
              fmt::format("{} attempts in a row ended without a new checkpoint; the last: {}", deaths, why), now_ms,
              details);
}

#define NORMLAB_NO_WORKER "(state = 1 OR id IN (SELECT job FROM external_run))"

absl::Status ForgetStarts(Connection& db, AttemptId restarted) {
  return db.Run(
      "UPDATE attempt SET start_step = CASE number WHEN ?2 THEN -1 ELSE -3 - start_step END "
      "WHERE job = ?1 AND number <= ?2 AND start_step >= -1",
      restarted.job, restarted.number);
}

absl::Status Cancel(Connection& db, JobId id, std::int64_t now_ms) {
  // An external run has no worker that could be waited for.
  return ChangeJob(db,
                   "UPDATE job SET finished_ms = CASE WHEN " NORMLAB_NO_WORKER
                   " THEN ?2 ELSE 0 END, "
                   "state = CASE WHEN " NORMLAB_NO_WORKER " THEN 6 ELSE 3 END, " NORMLAB_NEW_REVISION
                   " WHERE id = ?1 AND state IN (1, 2)",
                   id, now_ms)
      .status();
}

absl::Status ReportProgress(Connection& db, AttemptId attempt, const Progress& progress) {
  NORMLAB_ASSIGN_OR_RETURN(const bool changed,
                           ChangeJob(db,
                                     "UPDATE job SET steps_done = ?3, steps_total = ?4, steps_per_second = ?5, "
                                     "cpu_seconds = max(cpu_seconds, cpu_before + ?6), " NORMLAB_NEW_REVISION
                                     " WHERE id = ?1 AND attempt = ?2 AND state IN (2, 3)",
                                     attempt.job, attempt.number, progress.steps_done, progress.steps_total,
                                     FiniteOrZero(progress.steps_per_second), FiniteOrZero(progress.cpu_seconds)));
  return changed ? absl::OkStatus() : CheckCurrent(db, attempt);
}

absl::Status Fail(Connection& db, AttemptId attempt, std::string_view error, std::int64_t now_ms, Details& details) {
  NORMLAB_ASSIGN_OR_RETURN(
      const bool changed,
      ChangeJob(db,
                "UPDATE job SET state = 5, error = ?3, finished_ms = ?4, steps_per_second = 0, " NORMLAB_NEW_REVISION
                " WHERE id = ?1 AND attempt = ?2 AND state IN (2, 3)",
                attempt.job, attempt.number, error, now_ms));
  if (!changed) {
    return CheckCurrent(db, attempt);
  }
  details.push_back(EndAttempt(attempt, StateName(JobState::kFailed), now_ms));
  return absl::OkStatus();
}

absl::Status Finish(Connection& db, AttemptId attempt, const FinishInfo& info, std::int64_t now_ms, Details& details) {
  if (!IsTerminal(info.state) || info.state > JobState::kDiverged) {
    return absl::InvalidArgumentError(
        fmt::format("a job cannot finish as {}; expected SUCCEEDED, FAILED, CANCELLED or "
                    "DIVERGED",
                    StateName(info.state)));
  }
  NORMLAB_ASSIGN_OR_RETURN(
      const bool changed,
      ChangeJob(db,
                "UPDATE job SET state = ?3, error = ?4, fingerprint = ?5, steps_done = ?6, finished_ms = ?7, "
                // A job that ends before its first heartbeat has never said how many steps there are.
                "steps_total = CASE WHEN ?3 = 4 THEN max(steps_total, ?6) ELSE steps_total END, steps_per_second = 0, "
                "cpu_seconds = max(cpu_seconds, cpu_before + ?8), " NORMLAB_NEW_REVISION
                " WHERE id = ?1 AND attempt = ?2 AND (state = 3 OR (state = 2 AND ?3 <> 6))",
                attempt.job, attempt.number, static_cast<int>(info.state), info.error, info.fingerprint,
                info.steps_done, now_ms, FiniteOrZero(info.cpu_seconds)));
  if (changed) {
    details.push_back([job = attempt.job, facts = info.facts](Connection& db) { return MergeFacts(db, job, facts); });
    details.push_back(EndAttempt(attempt, StateName(info.state), now_ms));
    return absl::OkStatus();
  }
  NORMLAB_ASSIGN_OR_RETURN(
      const std::int64_t repeated,
      db.Int("SELECT count(*) FROM job JOIN attempt ON attempt.job = job.id AND number = job.attempt "
             "WHERE job.id = ?1 AND number = ?2 AND state = ?3 AND fingerprint = ?4 AND reason = ?5",
             attempt.job, attempt.number, static_cast<int>(info.state), info.fingerprint, StateName(info.state)));
  if (repeated == 1) {
    return absl::OkStatus();
  }
  NORMLAB_RETURN_IF_ERROR(CheckCurrent(db, attempt));
  return absl::FailedPreconditionError(fmt::format(
      "{} is RUNNING and nobody asked to cancel it, so it cannot finish as CANCELLED", JobName(attempt.job)));
}

}  // namespace normlab::store
