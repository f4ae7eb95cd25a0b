#include "results/store/restart.h"

#include <fmt/format.h>

#include "results/store/jobs.h"
#include "results/store/transitions.h"

namespace normlab::store {
namespace {

absl::StatusOr<bool> HasResults(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(
      const std::int64_t some,
      db.Int("SELECT EXISTS(SELECT 1 FROM series WHERE job = ?1) OR EXISTS(SELECT 1 FROM checkpoint WHERE job = ?1) OR "
             "EXISTS(SELECT 1 FROM artifact WHERE job = ?1)",
             job));
  return some != 0;
}

}  // namespace

std::string Difference(const Job& job, const Computation& computation) {
  for (const auto& [key, value] : computation.facts) {
    const auto stored = job.facts.find(key);
    if (stored == job.facts.end()) {
      return fmt::format("{} of what was stored is not known, here it is {}", key, value);
    }
    if (stored->second != value) {
      return fmt::format("{} was {}, here it is {}", key, stored->second, value);
    }
  }
  return "";
}

absl::StatusOr<Started> StartAttempt(Connection& db, AttemptId attempt, const Job& job, const Computation& computation,
                                     Details& details) {
  NORMLAB_RETURN_IF_ERROR(CheckCurrent(db, attempt));
  const std::string mark = fmt::format("from step 0 by attempt {}: ", attempt.number);
  const std::string difference = Difference(job, computation);
  Started started;
  if (difference.empty() && job.identity == computation.identity) {
    const auto restarted = job.facts.find(kRestartedFact);
    started.afresh = restarted != job.facts.end() && restarted->second.starts_with(mark);
    return started;
  }
  std::map<std::string, std::string> facts = computation.facts;
  NORMLAB_ASSIGN_OR_RETURN(const bool has_results, HasResults(db, job.id));
  if (!difference.empty() && has_results) {
    NORMLAB_ASSIGN_OR_RETURN(started.dropped, DropResults(db, job.id));
    facts[kRestartedFact] = mark + difference;
    started.afresh = true;
    details.push_back([attempt](Connection& db) { return ForgetStarts(db, attempt); });
  }
  NORMLAB_RETURN_IF_ERROR(ChangeJob(db,
                                    "UPDATE job SET identity = ?2, steps_done = steps_done * ?3, " NORMLAB_NEW_REVISION
                                    " WHERE id = ?1",
                                    job.id, computation.identity, started.afresh ? 0 : 1)
                              .status());
  details.push_back([id = job.id, facts = std::move(facts)](Connection& db) { return MergeFacts(db, id, facts); });
  return started;
}

}  // namespace normlab::store
