#include "results/store/import.h"

#include <fmt/format.h>

#include "results/store/file_rows.h"
#include "results/store/jobs.h"
#include "results/store/points.h"
#include "results/store/restart.h"
#include "results/store/series.h"

namespace normlab::store {
namespace {

// The only attempt of an imported job, as far as this store knows.
constexpr int kAttempt = 1;

bool IsSameRun(const Job& stored, const Job& job) {
  return stored.state == job.state && stored.steps_done == job.steps_done && stored.fingerprint == job.fingerprint &&
         (!job.fingerprint.empty() || stored.created_ms == job.created_ms);
}

}  // namespace

absl::StatusOr<std::optional<JobId>> FindImported(Connection& db, const ImportedJob& run) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> ids,
                           db.Ints("SELECT id FROM job WHERE identity = ?1 ORDER BY id", run.computation.identity));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Job> stored, LoadJobs(db, ids));
  for (const Job& job : stored) {
    if (IsSameRun(job, run.job)) {
      return job.id;
    }
  }
  for (const Job& job : stored) {
    if (job.state == JobState::kSucceeded && run.job.state == JobState::kSucceeded &&
        Difference(job, run.computation).empty()) {
      return absl::FailedPreconditionError(
          fmt::format("{} is stored with the same identity, computed by the same code and instructions, and has the "
                      "fingerprint {} instead of {}: one of the two is wrong. Run it once more "
                      "(submit --rerun) to see which",
                      JobName(job.id), job.fingerprint.substr(0, 12), run.job.fingerprint.substr(0, 12)));
    }
  }
  return std::nullopt;
}

absl::StatusOr<JobId> InsertImported(Connection& db, const ImportedJob& run, const std::vector<std::string>& files) {
  const Job& job = run.job;
  NORMLAB_ASSIGN_OR_RETURN(const JobId id, InsertJob(db,
                                                     {.spec = job.spec,
                                                      .experiment = job.experiment,
                                                      .identity = run.computation.identity,
                                                      .dataset = job.dataset,
                                                      .priority = job.priority,
                                                      .labels = job.labels},
                                                     job.created_ms));
  NORMLAB_RETURN_IF_ERROR(db.Run(
      "UPDATE job SET state = ?2, attempt = ?3, started_ms = ?4, finished_ms = ?5, steps_done = ?6, steps_total = ?7, "
      "cpu_seconds = ?8, error = ?9, fingerprint = ?10, worker = ?11 WHERE id = ?1",
      id, static_cast<int>(job.state), kAttempt, job.started_ms, job.finished_ms, job.steps_done, job.steps_total,
      job.cpu_seconds, job.error, job.fingerprint, job.worker));
  NORMLAB_RETURN_IF_ERROR(db.Run(
      "INSERT INTO attempt(job, number, worker, started_ms, ended_ms, reason) VALUES(?1, ?2, ?3, ?4, ?5, 'imported')",
      id, kAttempt, job.worker, job.started_ms, job.finished_ms));
  NORMLAB_RETURN_IF_ERROR(MergeFacts(db, id, job.facts));
  NORMLAB_RETURN_IF_ERROR(AppendPoints(db, {id, kAttempt}, run.curves).status());
  NORMLAB_RETURN_IF_ERROR(SealJob(db, id));
  for (std::size_t i = 0; i < files.size(); ++i) {
    NORMLAB_RETURN_IF_ERROR(InsertArtifact(db, {id, kAttempt}, {run.artifacts[i].info, files[i]}).status());
  }
  return id;
}

}  // namespace normlab::store
