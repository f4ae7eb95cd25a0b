#include "workers/lease.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace normlab::workers {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{1000};  // how often progress is seen to move
constexpr milliseconds kRetry{100};
constexpr milliseconds kOrderWait{30'000};  // of one call; the next one follows at once
constexpr std::chrono::seconds kRateWindow{30};

double ProcessCpuSeconds() {
  timespec time;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

Lease::Lease(ServiceClient& client, v1::Attempt attempt, milliseconds length, std::function<Clock::time_point()> now)
    : client_(client),
      attempt_(std::move(attempt)),
      length_(length),
      interval_(std::min(kInterval, length / 4)),
      cpu_at_start_(ProcessCpuSeconds()),
      now_(std::move(now)),
      end_(now_() + length),
      heartbeats_([this](std::stop_token stop) { Beat(std::move(stop)); }),
      orders_([this](std::stop_token stop) { Listen(std::move(stop)); }) {}

Lease::~Lease() = default;

Order Lease::CurrentOrder() const {
  if (lost_.stop_requested() || now_() >= end_.load()) {
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
    if (LoseIfStale(status)) {
      return;
    }
    if (now_() >= end_.load()) {
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
  const Clock::time_point sent = now_();
  const auto left = std::chrono::duration_cast<milliseconds>(end_.load() - sent);
  NORMLAB_ASSIGN_OR_RETURN(const v1::HeartbeatResponse answer, client_.Heartbeat(request, left, std::move(stop)));
  end_ = sent + length_;
  Heard(answer.stop(), answer.yield());
  return absl::OkStatus();
}

void Lease::Heard(bool stop, bool yield) {
  if (stop) {
    order_ = Order::kStop;
  } else if (yield) {
    auto none = Order::kGoOn;
    order_.compare_exchange_strong(none, Order::kYield);
  }
}

bool Lease::LoseIfStale(const absl::Status& status) {
  if (!IsStale(status) || finishing_) {
    return false;
  }
  stale_ = true;
  Lose();
  return true;
}

void Lease::Listen(std::stop_token stop) {
  std::stop_source end;
  const std::stop_callback on_lost(lost_.get_token(), [&end] { end.request_stop(); });
  const std::stop_callback on_destroyed(stop, [&end] { end.request_stop(); });
  v1::AwaitOrderRequest request;
  *request.mutable_attempt() = attempt_;
  *request.mutable_wait() = google::protobuf::util::TimeUtil::MillisecondsToDuration(kOrderWait.count());
  while (!end.stop_requested() && order_ == Order::kGoOn) {
    const auto answer = client_.AwaitOrder(request, end.get_token());
    if (answer.ok()) {
      Heard(answer->stop(), answer->yield());
    } else if (LoseIfStale(answer.status())) {
      return;
    } else {
      SleepFor(kRetry, end.get_token());
    }
  }
}

double Lease::RecentRate() {
  const Sample now{now_(), steps_done_};
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
