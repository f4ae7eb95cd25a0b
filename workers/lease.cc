#include "workers/lease.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace normlab::workers {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{1000};  // how soon a cancel is heard, and how often progress is seen to move
constexpr milliseconds kRetry{100};
constexpr std::chrono::seconds kRateWindow{30};

double ProcessCpuSeconds() {
  timespec time;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

Lease::Lease(ServiceClient& client, v1::Attempt attempt, milliseconds length)
    : client_(client),
      attempt_(std::move(attempt)),
      length_(length),
      interval_(std::min(kInterval, length / 4)),
      cpu_at_start_(ProcessCpuSeconds()),
      end_(Clock::now() + length),
      thread_([this](std::stop_token stop) { Beat(std::move(stop)); }) {}

Lease::~Lease() = default;

Order Lease::CurrentOrder() const {
  if (lost_.stop_requested() || Clock::now() >= end_.load()) {
    return Order::kDrop;
  }
  return order_;
}

void Lease::Progress(std::uint64_t steps_done, std::uint64_t steps_total) {
  steps_done_ = steps_done;  // first: the rate begins when there is a total
  steps_total_ = steps_total;
}

double Lease::CpuSeconds() const { return ProcessCpuSeconds() - cpu_at_start_; }

void Lease::Beat(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const absl::Status status = SendOne(stop);
    if (IsStale(status) && !finishing_) {
      stale_ = true;
      return Lose();
    }
    if (Clock::now() >= end_.load()) {
      return Lose();
    }
    SleepFor(status.ok() ? interval_ : std::min(interval_, kRetry), stop);
  }
}

absl::Status Lease::SendOne(std::stop_token stop) {
  v1::HeartbeatRequest request;
  *request.mutable_attempt() = attempt_;
  request.set_steps_done(steps_done_);
  request.set_steps_total(steps_total_);
  request.set_steps_per_second(RecentRate());
  request.set_cpu_seconds(CpuSeconds());
  const Clock::time_point sent = Clock::now();
  const auto left = std::chrono::duration_cast<milliseconds>(end_.load() - sent);
  NORMLAB_ASSIGN_OR_RETURN(const v1::HeartbeatResponse answer, client_.Heartbeat(request, left, std::move(stop)));
  end_ = sent + length_;
  if (answer.stop()) {
    order_ = Order::kStop;
  } else if (answer.yield() && order_ == Order::kGoOn) {
    order_ = Order::kYield;
  }
  return absl::OkStatus();
}

double Lease::RecentRate() {
  const Sample now{Clock::now(), steps_done_};
  if (!samples_.empty() && now.steps < samples_.back().steps) {
    samples_.clear();
  }
  // What a resumed run had done before it began is no rate: the window opens once there is a total.
  if (steps_total_ > 0) {
    samples_.push_back(now);
  }
  while (samples_.size() > 2 && now.time - samples_.front().time > kRateWindow) {
    samples_.pop_front();
  }
  if (samples_.size() < 2) {
    return 0;
  }
  const double seconds = std::chrono::duration<double>(now.time - samples_.front().time).count();
  return seconds > 0 ? static_cast<double>(now.steps - samples_.front().steps) / seconds : 0;
}

}  // namespace normlab::workers
