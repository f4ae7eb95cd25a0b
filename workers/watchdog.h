// watchdog.h - notices that an attempt gets nowhere. A step that hangs cannot be interrupted from inside: all that is
// left is to end the process, so that the job is tried again elsewhere and a cancelled one is over.
//
// Thread safety: Moved, any thread. The destructor joins the thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

namespace normlab::workers {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // Calls `bite`, once, on a thread of its own, when nothing has moved for `limit`.
  Watchdog(std::chrono::milliseconds limit, std::function<void()> bite);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Something got done: a step, a point, a piece of a file. Costs an atomic increment.
  void Moved() { moves_.fetch_add(1, std::memory_order_relaxed); }

  // Whether nothing has moved for the limit, as seen by successive looks. The thread's; here for tests.
  class Eye {
   public:
    Eye(std::chrono::milliseconds limit, Clock::time_point now) : limit_(limit), since_(now) {}
    bool SeesStall(std::uint64_t moves, Clock::time_point now);

   private:
    const std::chrono::milliseconds limit_;
    std::uint64_t moves_ = 0;
    Clock::time_point since_;
  };

 private:
  void Watch(std::stop_token stop);

  const std::chrono::milliseconds limit_;
  const std::function<void()> bite_;
  std::atomic<std::uint64_t> moves_{0};
  std::jthread thread_;  // last: uses all of the above
};

}  // namespace normlab::workers
