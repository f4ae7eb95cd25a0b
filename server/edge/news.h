// news.h - wakes streams when something was committed: one thread waits on the store for all of them.
//
// Thread safety: all methods, any thread. Borrows the store, which must outlive it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <thread>

#include "base/mutex.h"
#include "results/store/store.h"

namespace normlab::server {

class News {
 public:
  explicit News(store::Store& store);
  // Joins the thread; takes up to a tenth of a second.
  ~News();
  News(const News&) = delete;
  News& operator=(const News&) = delete;

  // Read this before looking into the store, then wait for what comes after it: nothing is missed.
  std::uint64_t Current() ABSL_LOCKS_EXCLUDED(mu_);

  // Sleeps until something newer than `seen` was committed, `timeout` has passed, or Close.
  void WaitNewer(std::uint64_t seen, std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);

  // A job is gone from the store; it has no revision that would tell.
  void JobDeleted() ABSL_LOCKS_EXCLUDED(mu_);
  // How many are gone since the server started.
  std::uint64_t deletions() ABSL_LOCKS_EXCLUDED(mu_);

  // Wakes all and makes further waits return at once.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run(std::uint64_t seen) ABSL_LOCKS_EXCLUDED(mu_);

  store::Store& store_;
  Mutex mu_;
  std::condition_variable changed_;
  std::uint64_t current_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t deletions_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace normlab::server
