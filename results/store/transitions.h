// transitions.h - the state machine of jobs, in SQL.
//
//   QUEUED -> RUNNING (lease) | CANCELLED (cancel)
//   RUNNING -> CANCELLING (cancel) | QUEUED (release) | SUCCEEDED, FAILED, DIVERGED (finish) | FAILED (a point differs)
//   CANCELLING -> CANCELLED (release, finish) | SUCCEEDED, FAILED, DIVERGED (finish) | FAILED (a point differs)
//
// Nothing leaves a terminal state. A worker cannot cancel: Finish(CANCELLED) needs a CANCELLING job. Every write of an
// attempt names its number in the WHERE of its UPDATE, so that a stale attempt changes nothing whatever it believes.
//
// All functions run inside the writer's transaction. Those that take `details` change the job's row alone and append
// what belongs to the change besides, to be run next; see job_changes.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

using Details = std::vector<std::function<absl::Status(Connection&)>>;

// kNotFound for an unknown job.
absl::StatusOr<JobState> StateOf(Connection& db, JobId id);
// As Store::ListAttempts.
absl::StatusOr<std::vector<AttemptInfo>> ListAttempts(Connection& db, JobId job);

// kFailedPrecondition, saying what is current, unless `attempt` is the job's current one and under way. kNotFound for
// an unknown job.
absl::Status CheckCurrent(Connection& db, AttemptId attempt);

// The queued jobs whose rows can be read, in the order of the queue.
absl::StatusOr<std::vector<JobId>> ReadableQueue(Connection& db);
// Leases the queued job `id`, or, if that is absent, the first; absent if there is none.
absl::StatusOr<std::optional<AttemptId>> LeaseJob(Connection& db, std::optional<JobId> id, const Worker& worker,
                                                  std::int64_t now_ms, Details& details);
// The lease of `attempt`.
absl::StatusOr<Lease> LoadLease(Connection& db, AttemptId attempt);
// The same for readers alone, with what is whole of its job.
absl::StatusOr<Lease> LoadWholeLease(Connection& db, AttemptId attempt);
absl::Status Release(Connection& db, AttemptId attempt, std::string_view why, std::int64_t now_ms, Details& details);
// The store's Died.
absl::Status Died(Connection& db, AttemptId attempt, std::string_view why, int most, std::int64_t now_ms,
                  Details& details);
// What was stored before `restarted`, from which it did not begin, is dropped: deaths of before are no deaths without a new
// checkpoint any more. The step s from which such an attempt began is kept as -3 - s, below every step and -1, "none".
absl::Status ForgetStarts(Connection& db, AttemptId restarted);
absl::Status Cancel(Connection& db, JobId id, std::int64_t now_ms);
absl::Status ReportProgress(Connection& db, AttemptId attempt, const Progress& progress);
// FAILED by the store itself, not by its worker.
absl::Status Fail(Connection& db, AttemptId attempt, std::string_view error, std::int64_t now_ms, Details& details);
// A repeated Finish of the attempt that ended the job with the same outcome changes nothing and is no error.
absl::Status Finish(Connection& db, AttemptId attempt, const FinishInfo& info, std::int64_t now_ms, Details& details);

}  // namespace normlab::store
