// restart.h - how an attempt begins: it goes on from what earlier ones stored, or starts again because it computes otherwise.
//
// Runs inside the writer's transaction.
#pragma once

#include <string>

#include "base/status.h"
#include "results/store/removal.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"
#include "results/store/transitions.h"

namespace normlab::store {

// A job's fact of its attempt that began afresh: no fact of a job that goes on from it.
inline constexpr char kRestartedFact[] = "restarted";

struct Started {
  bool afresh = false;   // results were dropped, now or by an earlier call of this attempt
  RemovedFiles dropped;  // to be removed after the commit
};

// The first fact that tells results of the job from those of `computation`, for people; empty if they are of one run.
std::string Difference(const Job& job, const Computation& computation);

// Makes `computation` the identity of `job`, as readers see it, and, in `details`, adds its facts. If the job has points, checkpoints or artifacts of
// another one, or of one that cannot be read any more, they are dropped, progress is 0 again and the fact "restarted" says why.
// kFailedPrecondition for a stale attempt.
absl::StatusOr<Started> StartAttempt(Connection& db, AttemptId attempt, const Job& job, const Computation& computation,
                                     Details& details);

}  // namespace normlab::store
