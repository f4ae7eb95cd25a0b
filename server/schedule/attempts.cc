#include "server/schedule/attempts.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "server/schedule/job_name.h"

namespace normlab::server {
namespace {

// How long a call that waits may be deaf to its caller's end.
constexpr std::chrono::milliseconds kSlice{200};

// What `status` keeps a job from; empty if it is not a full disk.
std::string OfFullDisk(const absl::Status& status) {
  return absl::IsResourceExhausted(status)
             ? fmt::format("the server cannot store anything: {}; make room, and it goes on by itself", Message(status))
             : "";
}

std::string KeyOf(const store::Worker& worker) { return worker.name + "\n" + worker.id; }

}  // namespace

absl::Status Attempts::Recover() {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::Job> jobs, store_.ActiveJobs());
  for (const store::Job& job : jobs) {
    const store::AttemptId attempt{.job = job.id, .number = job.attempt};
    const store::Worker worker{.name = job.worker, .id = job.worker_id};
    Grant(attempt, worker);
    if (!IsKnown(worker)) {
      End(attempt, "the server was down and its worker with it", true);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<store::Lease>> Attempts::Lease(const store::Request& request, const store::Worker& worker,
                                                            std::chrono::milliseconds wait,
                                                            const std::function<bool()>& given_up) {
  if (!IsKnown(worker)) {
    return absl::PermissionDeniedError(
        fmt::format("worker {} is none that this server's launcher keeps; it must end", worker.id));
  }
  BeginWait(worker);
  absl::StatusOr<std::optional<store::Lease>> lease = AwaitJob(request, worker, wait, given_up);
  EndWait(worker);
  return lease;
}

absl::StatusOr<std::optional<store::Lease>> Attempts::AwaitJob(const store::Request& request,
                                                               const store::Worker& worker,
                                                               std::chrono::milliseconds wait,
                                                               const std::function<bool()>& given_up) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    std::uint64_t seen = 0;
    bool held_back = false;
    {
      MutexLock lock(mu_);
      if (closed_) {
        return std::optional<store::Lease>();
      }
      seen = queue_version_;
      held_back = held_back_;
    }
    absl::StatusOr<std::optional<store::Lease>> next = std::optional<store::Lease>();
    if (!held_back) {
      next = store_.LeaseNext(request, worker);
    }
    {
      MutexLock lock(mu_);
      queue_held_up_ = OfFullDisk(next.status());
    }
    NORMLAB_ASSIGN_OR_RETURN(std::optional<store::Lease> lease, std::move(next));
    if (lease) {
      Pass(Failpoint::kLeaseStored);
      const store::AttemptId attempt{.job = lease->job.id, .number = lease->job.attempt};
      Grant(attempt, worker);
      if (given_up() || !IsKnown(worker)) {
        End(attempt, "the worker was gone before it got the job", false);
        return std::optional<store::Lease>();
      }
      return lease;
    }
    if (!WaitForQueue(seen, deadline, given_up)) {
      return std::optional<store::Lease>();
    }
  }
}

bool Attempts::WaitForQueue(std::uint64_t seen, std::chrono::steady_clock::time_point deadline,
                            const std::function<bool()>& given_up) {
  for (;;) {
    {
      MutexLock lock(mu_);
      const auto slice_end = std::min(deadline, std::chrono::steady_clock::now() + kSlice);
      while (!closed_ && queue_version_ == seen && lock.WaitUntil(queue_changed_, slice_end)) {
      }
      if (closed_ || queue_version_ != seen) {
        return !closed_;
      }
    }
    if (std::chrono::steady_clock::now() >= deadline || given_up()) {
      return false;
    }
  }
}

void Attempts::QueueChanged() {
  MutexLock lock(mu_);
  ++queue_version_;
  queue_changed_.notify_all();
}

void Attempts::HoldBack(bool held_back) {
  MutexLock lock(mu_);
  held_back_ = held_back;
  ++queue_version_;
  queue_changed_.notify_all();
}

bool Attempts::held_back() {
  MutexLock lock(mu_);
  return held_back_;
}

void Attempts::Close() {
  MutexLock lock(mu_);
  closed_ = true;
  queue_changed_.notify_all();
  orders_changed_.notify_all();
}

absl::StatusOr<Attempts::Order> Attempts::AwaitOrder(store::AttemptId attempt, std::chrono::milliseconds wait,
                                                     const std::function<bool()>& given_up) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  // A cancel that was stored before the lease was known here has told nobody; one that comes later does.
  NORMLAB_ASSIGN_OR_RETURN(const store::Job job, store_.GetJob(attempt.job));
  if (job.state == store::JobState::kCancelling) {
    Cancelled(attempt.job);
  }
  do {
    const auto slice_end = std::min(deadline, std::chrono::steady_clock::now() + kSlice);
    MutexLock lock(mu_);
    std::optional<absl::StatusOr<Order>> order;
    while (!(order = CurrentOrder(attempt)) && lock.WaitUntil(orders_changed_, slice_end)) {
    }
    if (order) {
      return *std::move(order);
    }
  } while (std::chrono::steady_clock::now() < deadline && !given_up());
  return Order::kGoOn;
}

std::optional<absl::StatusOr<Attempts::Order>> Attempts::CurrentOrder(store::AttemptId attempt) {
  const Held* const held = Find(attempt);
  if (held == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("attempt {} of job j{} is over; this worker must stop", attempt.number, attempt.job));
  }
  if (held->cancelled) {
    return Order::kStop;
  }
  return closed_ ? std::optional<absl::StatusOr<Order>>(Order::kYield) : std::nullopt;
}

void Attempts::Cancelled(store::JobId job) {
  MutexLock lock(mu_);
  if (const auto held = held_.find(job); held != held_.end()) {
    held->second.cancelled = true;
    orders_changed_.notify_all();
  }
}

bool Attempts::IsKnown(const store::Worker& worker) {
  MutexLock lock(mu_);
  return worker.id.empty() || workers_.contains(worker.id);
}

void Attempts::BeginWait(const store::Worker& worker) {
  MutexLock lock(mu_);
  const auto now = options_.now();
  std::erase_if(waiting_, [&](const auto& entry) {
    return entry.second.calls == 0 && now - entry.second.heard > options_.lease;
  });
  Waiting& waiting = waiting_.emplace(KeyOf(worker), Waiting{worker, now, now}).first->second;
  waiting.heard = now;
  ++waiting.calls;
}

void Attempts::EndWait(const store::Worker& worker) {
  MutexLock lock(mu_);
  if (const auto waiting = waiting_.find(KeyOf(worker)); waiting != waiting_.end()) {
    waiting->second.heard = options_.now();
    --waiting->second.calls;
  }
}

std::vector<Attempts::WorkerView> Attempts::Workers() {
  const auto ago = [now = options_.now()](std::chrono::steady_clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - then);
  };
  MutexLock lock(mu_);
  std::vector<WorkerView> views;
  std::set<std::string, std::less<>> unseen = workers_;
  for (const auto& [job, held] : held_) {
    unseen.erase(held.worker.id);
    views.push_back({.worker = held.worker,
                     .attempt = store::AttemptId{job, held.number},
                     .for_how_long = ago(held.since),
                     .unheard = ago(held.ends - options_.lease),
                     .waits_for = held.held_up});
  }
  for (const auto& [key, waiting] : waiting_) {
    const bool here = waiting.calls > 0;
    if (here || ago(waiting.heard) <= options_.lease) {
      unseen.erase(waiting.worker.id);
      views.push_back({.worker = waiting.worker,
                       .attempt = {},
                       .for_how_long = ago(waiting.since),
                       .unheard = here ? std::chrono::milliseconds(0) : ago(waiting.heard),
                       .waits_for = WhyNoJob()});
    }
  }
  for (const std::string& id : unseen) {
    views.push_back({.worker = {.name = "", .id = id},
                     .attempt = {},
                     .unheard = std::chrono::milliseconds(-1),
                     .waits_for = "it is starting"});
  }
  return views;
}

void Attempts::Grant(store::AttemptId attempt, const store::Worker& worker) {
  MutexLock lock(mu_);
  waiting_.erase(KeyOf(worker));
  if (const auto held = held_.find(attempt.job); held != held_.end() && held->second.number > attempt.number) {
    return;  // a cancel, or a launcher's word, was faster than this thread, and the job is leased again
  }
  held_[attempt.job] = {.number = attempt.number,
                        .worker = worker,
                        .since = options_.now(),
                        .ends = options_.now() + options_.lease,
                        .stalls = options_.now() + options_.stall,
                        .held_up = {}};
}

Attempts::Held* Attempts::Find(store::AttemptId attempt) {
  const auto held = held_.find(attempt.job);
  return held != held_.end() && held->second.number == attempt.number ? &held->second : nullptr;
}

void Attempts::Beat(store::AttemptId attempt, std::uint64_t steps_done) {
  MutexLock lock(mu_);
  Held* const held = Find(attempt);
  if (held == nullptr) {
    return;
  }
  held->ends = options_.now() + options_.lease;
  if (held->steps_done != steps_done) {
    held->steps_done = steps_done;
    held->stalls = options_.now() + options_.stall;
  }
}

void Attempts::Moved(store::AttemptId attempt) {
  MutexLock lock(mu_);
  if (Held* const held = Find(attempt)) {
    held->ends = options_.now() + options_.lease;
    held->stalls = options_.now() + options_.stall;
  }
}

absl::Status Attempts::Answered(store::AttemptId attempt, absl::Status answer) {
  MutexLock lock(mu_);
  if (Held* const held = Find(attempt); held != nullptr) {
    held->held_up = OfFullDisk(answer);
  }
  return answer;
}

std::string Attempts::WhyNoJob() const {
  if (held_back_) {
    return "the server drains: no job begins";
  }
  return queue_held_up_.empty() ? "the queue is empty" : queue_held_up_;
}

std::string Attempts::HeldUp(store::JobId job) {
  MutexLock lock(mu_);
  const auto held = held_.find(job);
  return held == held_.end() ? queue_held_up_ : held->second.held_up;
}

void Attempts::Ended(store::AttemptId attempt) {
  MutexLock lock(mu_);
  if (Find(attempt) != nullptr) {
    held_.erase(attempt.job);
    orders_changed_.notify_all();
  }
}

void Attempts::WorkerStarted(std::string_view id) {
  MutexLock lock(mu_);
  workers_.emplace(id);
}

void Attempts::WorkerGone(std::string_view id, std::string_view why, bool died) {
  std::vector<store::AttemptId> lost;
  {
    MutexLock lock(mu_);
    if (const auto worker = workers_.find(id); worker != workers_.end()) {
      workers_.erase(worker);
    }
    std::erase_if(waiting_, [id](const auto& entry) { return entry.second.worker.id == id; });
    for (const auto& [job, held] : held_) {
      if (held.worker.id == id) {
        lost.push_back({.job = job, .number = held.number});
      }
    }
  }
  for (const store::AttemptId& attempt : lost) {
    End(attempt, why, died);
  }
}

void Attempts::Sweep() {
  std::vector<std::pair<store::AttemptId, std::string>> lost;
  {
    MutexLock lock(mu_);
    for (const auto& [job, held] : held_) {
      if (std::string why = Verdict(held); !why.empty()) {
        lost.emplace_back(store::AttemptId{job, held.number}, std::move(why));
      }
    }
  }
  for (const auto& [attempt, why] : lost) {
    End(attempt, why, true);
  }
  EndUnheld();
}

void Attempts::EndUnheld() {
  {
    const MutexLock lock(mu_);
    if (options_.now() < next_look_) {
      return;
    }
    next_look_ = options_.now() + options_.lease;
  }
  const absl::StatusOr<std::vector<store::Job>> active = store_.ActiveJobs();
  if (!active.ok()) {
    return;
  }
  std::vector<store::Job> lost;
  {
    const MutexLock lock(mu_);
    std::set<std::pair<store::JobId, int>> unheld;
    for (const store::Job& job : *active) {
      if (!held_.contains(job.id)) {
        unheld.emplace(job.id, job.attempt);
        if (unheld_.contains({job.id, job.attempt})) {
          lost.push_back(job);
        }
      }
    }
    unheld_ = std::move(unheld);
  }
  for (const store::Job& job : lost) {
    const store::AttemptId attempt{.job = job.id, .number = job.attempt};
    Grant(attempt, {.name = job.worker, .id = job.worker_id});
    End(attempt, "no worker knew that the job was its own", false);
  }
}

std::string Attempts::Verdict(const Held& held) const {
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
  };
  if (options_.now() >= held.ends) {
    return fmt::format("worker {} was silent for {} s", held.worker.name, seconds(options_.lease));
  }
  if (options_.now() >= held.stalls) {
    return fmt::format(
        "worker {} got nowhere for {} s after {} steps; normlabd --stall-seconds gives slow steps longer",
        held.worker.name, seconds(options_.stall), held.steps_done);
  }
  return "";
}

void Attempts::End(store::AttemptId attempt, std::string_view why, bool died) {
  Held held;
  {
    MutexLock lock(mu_);
    const Held* const found = Find(attempt);
    if (found == nullptr) {
      return;
    }
    held = *found;
    held_.erase(attempt.job);
    orders_changed_.notify_all();
  }
  Pass(Failpoint::kAttemptEnds);
  const absl::Status status = died ? store_.Died(attempt, why, options_.max_deaths) : store_.Release(attempt, why);
  Pass(Failpoint::kAttemptEnded);
  Log(LogLevel::kWarning, "attempt_ended",
      {{"job", JobName(attempt.job)},
       {"attempt", attempt.number},
       {"why", why},
       {"died", died},
       {"status", Message(status)}});
  MutexLock lock(mu_);
  // Of a row that cannot be read nobody will ever know more.
  const bool final = absl::IsFailedPrecondition(status) || absl::IsNotFound(status) || absl::IsDataLoss(status);
  if (!status.ok() && !final) {  // the disk is full: the next sweep tries again
    held.ends = options_.now();
    held_.emplace(attempt.job, held);
    return;
  }
  ++queue_version_;
  queue_changed_.notify_all();
}

}  // namespace normlab::server
