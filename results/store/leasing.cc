#include "results/store/leasing.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "results/store/transitions.h"

namespace normlab::store {
namespace {

class Leasing {
 public:
  Leasing(JobChanges& changes, Readers& readers, const Request& request, const Worker& worker, std::int64_t now_ms)
      : changes_(changes), readers_(readers), request_(request), worker_(worker), now_ms_(now_ms) {}

  absl::StatusOr<std::optional<Lease>> First() {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<AnsweredJob> leased, Find());
    if (leased.empty()) {
      return std::optional<Lease>();
    }
    const AttemptId attempt{leased.front().job, leased.front().attempt};
    if (given_ && given_->job.id == attempt.job && given_->job.attempt == attempt.number) {
      return std::move(given_);
    }
    absl::StatusOr<Lease> whole = readers_.Read([&](Connection& db) { return LoadWholeLease(db, attempt); });
    if (!whole.ok() && taken_) {
      // Nobody knows that the job is theirs.
      const absl::Status released = GiveBack(attempt);
      Log(LogLevel::kError, "lease_not_given",
          {{"job", attempt.job}, {"error", Message(whole.status())}, {"released", Message(released)}});
    }
    NORMLAB_RETURN_IF_ERROR(whole.status());
    return *std::move(whole);
  }

 private:
  // Leases `wanted`, absent: the first of the queue.
  absl::StatusOr<std::vector<AnsweredJob>> Take(std::optional<JobId> wanted) {
    return changes_.Once(
        request_, "LeaseNext", now_ms_,
        [&](Connection& db, Details& details) -> absl::StatusOr<JobChanges::Answer> {
          given_.reset();
          NORMLAB_ASSIGN_OR_RETURN(const std::optional<AttemptId> attempt,
                                   LeaseJob(db, wanted, worker_, now_ms_, details));
          taken_ = attempt.has_value();
          if (!taken_) {
            return JobChanges::Answer{.jobs = {}, .keep = false};
          }
          details.push_back([this, attempt = *attempt](Connection& db) -> absl::Status {
            NORMLAB_ASSIGN_OR_RETURN(given_, LoadLease(db, attempt));
            return absl::OkStatus();
          });
          return JobChanges::Answer{{{.job = attempt->job, .attempt = attempt->number}}};
        },
        [](Connection& db, const std::vector<AnsweredJob>& answered) {
          return CheckCurrent(db, {answered.front().job, answered.front().attempt}).ok();
        });
  }

  absl::StatusOr<std::vector<AnsweredJob>> Find() {
    absl::StatusOr<std::vector<AnsweredJob>> leased = Take({});
    if (!absl::IsDataLoss(leased.status())) {
      return leased;
    }
    // The first lies on a damaged page, or beside one so that its row cannot grow, and others wait behind it.
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> queue,
                             readers_.Read([](Connection& db) { return ReadableQueue(db); }));
    leased = std::vector<AnsweredJob>();
    for (auto next = queue.begin(); next != queue.end() && (!leased.ok() || leased->empty()); ++next) {
      leased = Take(*next);
      if (!leased.ok() && !absl::IsDataLoss(leased.status())) {
        return leased.status();
      }
    }
    return leased;
  }

  absl::Status GiveBack(AttemptId attempt) {
    return changes_
        .Make(attempt.job,
              [&](Connection& db, Details& details) {
                return Release(db, attempt, "what its worker needs could not be read", now_ms_, details);
              })
        .status();
  }

  JobChanges& changes_;
  Readers& readers_;
  const Request& request_;
  const Worker& worker_;
  const std::int64_t now_ms_;
  std::optional<Lease> given_;  // absent: the request was answered before, or damage was met
  bool taken_ = false;          // by this call
};

}  // namespace

absl::StatusOr<std::optional<Lease>> LeaseFirst(JobChanges& changes, Readers& readers, const Request& request,
                                                const Worker& worker, std::int64_t now_ms) {
  return Leasing(changes, readers, request, worker, now_ms).First();
}

}  // namespace normlab::store
