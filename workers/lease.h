// lease.h - the hold on one attempt: a thread that sends heartbeats, and one that waits for the server's orders, so that
// a cancel is heard when it is given. Heartbeats bring orders too, should the other thread's calls be refused.
//
// The hold ends by itself when no heartbeat sent within the last lease was answered, or at once when the server says
// that the attempt is stale. That is for liveness only; what makes two attempts safe is that the server checks the
// attempt's number with every write.
//
// Thread safety: all methods, any thread. The destructor joins the threads.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <stop_token>
#include <thread>

#include "workers/call.h"
#include "workers/runner.h"
#include "workers/service_client.h"

namespace normlab::workers {

class Lease {
 public:
  using Clock = std::chrono::steady_clock;

  // `length` counts from now(): the lease has just been given.
  Lease(ServiceClient& client, v1::Attempt attempt, std::chrono::milliseconds length,
        std::function<Clock::time_point()> now = Clock::now);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // kGoOn, or the strongest order heard so far; kDrop once the hold has ended.
  Order CurrentOrder() const;
  // Triggered when the hold has ended: for calls that wait.
  std::stop_token lost() const { return lost_.get_token(); }
  // True when the server said that the attempt is stale, false while held and when the lease merely ran out.
  bool stale() const { return stale_; }
  // From now on a stale attempt is no reason to end the hold: the answer to Finish, which makes it so, may be on its
  // way.
  void Finishing() { finishing_ = true; }

  void Progress(std::uint64_t steps_done, std::uint64_t steps_total);
  std::uint64_t steps_done() const { return steps_done_; }
  // CPU time of this process since the lease began.
  double CpuSeconds() const;

 private:
  struct Sample {
    Clock::time_point time;
    std::uint64_t steps;
  };

  void Beat(std::stop_token stop);
  absl::Status SendOne(std::stop_token stop);
  // Waits for orders until there is one after which no other can come.
  void Listen(std::stop_token stop);
  void Heard(bool stop, bool yield);
  // True when `status` says that the attempt is over, which ends the hold.
  bool LoseIfStale(const absl::Status& status);
  double RecentRate();
  void Lose() { lost_.request_stop(); }

  ServiceClient& client_;
  const v1::Attempt attempt_;
  const std::chrono::milliseconds length_;
  const std::chrono::milliseconds interval_;
  const double cpu_at_start_;
  const std::function<Clock::time_point()> now_;

  std::atomic<Clock::time_point> end_;
  std::atomic<Order> order_{Order::kGoOn};
  std::atomic<bool> stale_{false};
  std::atomic<bool> finishing_{false};
  std::atomic<std::uint64_t> steps_done_{0};
  std::atomic<std::uint64_t> steps_total_{0};
  std::stop_source lost_;
  std::deque<Sample> samples_;  // of the last half minute; the heartbeat thread's own
  std::jthread heartbeats_;     // last: the threads use all of the above
  std::jthread orders_;
};

}  // namespace normlab::workers
