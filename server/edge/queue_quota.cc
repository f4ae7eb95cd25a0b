#include "server/edge/queue_quota.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>

#include "server/edge/errors.h"

namespace normlab::server {
namespace {

constexpr std::chrono::seconds kRetry{30};
constexpr std::size_t kMostRequests = 10'000;

// A token of a person; behind the file of a role may be many.
bool IsLimited(const Caller& caller) { return caller.role() == Role::kSubmitter && caller.revocable(); }

}  // namespace

void QueueQuota::Prune(Account& account, std::int64_t enough) const {
  std::erase_if(account.jobs, [&](store::JobId id) {
    if (enough <= 0) {
      return false;
    }
    const absl::StatusOr<store::Job> job = store_.GetJob(id);
    const bool waits = job.ok() ? job->state == store::JobState::kQueued : !absl::IsNotFound(job.status());
    enough -= waits ? 0 : 1;
    return !waits;
  });
}

absl::Status QueueQuota::Full(const Caller& caller) const {
  return WithReason(WithRetry(absl::ResourceExhaustedError(
                                  fmt::format("no more jobs of {} may wait: the limit for one submitter is {} "
                                              "(normlabd --queued-per-caller); try again when some have begun",
                                              caller.identity(), limit_)),
                              kRetry),
                    "QUEUE_QUOTA");
}

QueueQuota::Places& QueueQuota::Places::operator=(Places&& other) noexcept {
  std::swap(quota_, other.quota_);
  std::swap(caller_, other.caller_);
  std::swap(n_, other.n_);
  return *this;
}

void QueueQuota::Places::Add(Places other) {
  if (quota_ == nullptr) {
    *this = std::move(other);
  } else {
    n_ += std::exchange(other.n_, 0);
  }
}

void QueueQuota::Places::GiveBack() {
  if (quota_ != nullptr && n_ > 0) {
    const MutexLock lock(quota_->mu_);
    quota_->accounts_[caller_].reserved -= n_;
    n_ = 0;
  }
}

absl::StatusOr<QueueQuota::Places> QueueQuota::Reserve(const Caller& caller, std::int64_t n,
                                                       const store::Request& key) {
  if (!IsLimited(caller)) {
    return Places();
  }
  const MutexLock lock(mu_);
  Account& account = accounts_[caller.identity()];
  if (account.requests.contains(key.id)) {
    return Places();
  }
  if (Taken(account) + n > limit_) {
    Prune(account, Taken(account) + n - limit_);
  }
  if (Taken(account) + n > limit_) {
    return Full(caller);
  }
  account.reserved += n;
  return Places(*this, caller.identity(), n);
}

std::int64_t QueueQuota::Room(const Caller& caller) {
  if (!IsLimited(caller)) {
    return std::numeric_limits<std::int64_t>::max();
  }
  const MutexLock lock(mu_);
  Account& account = accounts_[caller.identity()];
  Prune(account, limit_);
  return limit_ - Taken(account);
}

void QueueQuota::Queued(const Caller& caller, store::JobId job, const store::Request& key, Places& places) {
  if (!IsLimited(caller)) {
    return;
  }
  const MutexLock lock(mu_);
  Account& account = accounts_[caller.identity()];
  account.jobs.insert(job);
  if (places.n_ > 0) {
    --places.n_;
    --account.reserved;
  }
  if (account.requests.size() >= kMostRequests) {
    account.requests.clear();
  }
  if (!key.id.empty()) {
    account.requests.insert(key.id);
  }
}

}  // namespace normlab::server
