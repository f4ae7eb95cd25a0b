// queue_quota.h - how many jobs of one caller may wait: so that one person's sweep leaves room in the queue for others.
//
// Counted are jobs that this server took from the caller since it started; those from before wait for free.
//
// Thread safety: all methods, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "results/store/store.h"
#include "server/edge/caller.h"

namespace normlab::server {

class QueueQuota {
 public:
  // `limit` of each submitter; admins, and the Unix socket's user, have none.
  QueueQuota(store::Store& store, std::int64_t limit) : store_(store), limit_(limit) {}

  // Places that a call keeps for its jobs while it runs, so that calls at once do not get in together where there is room for
  // one. Borrows the quota; those that no job took are given back at its end.
  class Places {
   public:
    Places() = default;
    Places(Places&& other) noexcept { *this = std::move(other); }
    Places& operator=(Places&& other) noexcept;
    ~Places() { GiveBack(); }
    // Adds those of another call of Reserve for the same caller.
    void Add(Places other);

   private:
    friend class QueueQuota;
    Places(QueueQuota& quota, std::string caller, std::int64_t n) : quota_(&quota), caller_(std::move(caller)), n_(n) {}
    void GiveBack();

    QueueQuota* quota_ = nullptr;
    std::string caller_;
    std::int64_t n_ = 0;
  };

  // kResourceExhausted unless `n` more may wait. A request that was taken before needs no place: its answer is the same again.
  absl::StatusOr<Places> Reserve(const Caller& caller, std::int64_t n, const store::Request& key)
      ABSL_LOCKS_EXCLUDED(mu_);
  // How many more may wait, for calls that do not know how many they will be; and what the next one is refused with.
  std::int64_t Room(const Caller& caller) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Full(const Caller& caller) const;
  // `job` was queued for the caller by this request, and takes one of its places.
  void Queued(const Caller& caller, store::JobId job, const store::Request& key, Places& places)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Account {
    std::int64_t reserved = 0;       // by calls under way
    std::set<store::JobId> jobs;     // some may wait no more
    std::set<std::string> requests;  // that were taken; begun anew now and then
  };

  static std::int64_t Taken(const Account& account) {
    return account.reserved + static_cast<std::int64_t>(account.jobs.size());
  }
  // Forgets `enough` of those that wait no more, the oldest first, which are the likeliest.
  void Prune(Account& account, std::int64_t enough) const;

  store::Store& store_;
  const std::int64_t limit_;
  Mutex mu_;
  std::map<std::string, Account> accounts_ ABSL_GUARDED_BY(mu_);  // by the caller's name
};

}  // namespace normlab::server
