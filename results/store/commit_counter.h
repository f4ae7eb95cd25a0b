// commit_counter.h - counts commits and wakes those who wait for the next.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>

#include "base/mutex.h"

namespace normlab::store {

// Thread safety: all methods, any thread.
class CommitCounter {
 public:
  void Raise() {
    {
      const MutexLock lock(mutex_);
      ++count_;
    }
    raised_.notify_all();
  }

  // The count, once it differs from `seen` or `timeout` has passed.
  std::uint64_t Wait(std::uint64_t seen, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    MutexLock lock(mutex_);
    while (count_ == seen && lock.WaitUntil(raised_, deadline)) {
    }
    return count_;
  }

 private:
  Mutex mutex_;
  std::condition_variable raised_;
  std::uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace normlab::store
