#include "server/schedule/attempts.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/log.h"

namespace normlab::server {
namespace {

// How long a waiting lease may be deaf to its caller's end.
constexpr std::chrono::milliseconds kSlice{200};

// True also for a zombie: it works no more, and whoever should collect it may be gone as well.
bool ProcessIsGone(int pid) {
  if (::kill(pid, 0) != 0) {
    return errno == ESRCH;
  }
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string stat((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = stat.rfind(')');  // "17 (name) Z ...": the name may hold anything
  return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] == 'Z';
}

}  // namespace

absl::Status Attempts::Recover() {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::Job> jobs, store_.ActiveJobs());
  for (const store::Job& job : jobs) {
    const store::AttemptId attempt{.job = job.id, .number = job.attempt};
    Grant(attempt, job.worker);
    if (const int pid = LocalPid(job.worker); pid != 0 && ProcessIsGone(pid)) {
      End(attempt, "the server was down and its worker with it", false);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<store::Lease>> Attempts::Lease(const store::Request& request, std::string_view worker,
                                                            std::chrono::milliseconds wait,
                                                            const std::function<bool()>& given_up) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    std::uint64_t seen = 0;
    {
      MutexLock lock(mu_);
      if (closed_) {
        return std::optional<store::Lease>();
      }
      seen = queue_version_;
    }
    NORMLAB_ASSIGN_OR_RETURN(std::optional<store::Lease> lease, store_.LeaseNext(request, worker));
    if (lease) {
      const store::AttemptId attempt{.job = lease->job.id, .number = lease->job.attempt};
      Grant(attempt, worker);
      if (given_up()) {
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

void Attempts::Close() {
  MutexLock lock(mu_);
  closed_ = true;
  queue_changed_.notify_all();
}

void Attempts::Grant(store::AttemptId attempt, std::string_view worker) {
  MutexLock lock(mu_);
  held_[attempt.job] = {
      .number = attempt.number, .worker = std::string(worker), .ends = options_.now() + options_.lease};
}

void Attempts::Beat(store::AttemptId attempt) {
  MutexLock lock(mu_);
  const auto held = held_.find(attempt.job);
  if (held != held_.end() && held->second.number == attempt.number) {
    held->second.ends = options_.now() + options_.lease;
  }
}

void Attempts::Checkpointed(store::AttemptId attempt) {
  Beat(attempt);
  MutexLock lock(mu_);
  deaths_.erase(attempt.job);
}

void Attempts::Ended(store::AttemptId attempt) {
  MutexLock lock(mu_);
  const auto held = held_.find(attempt.job);
  if (held != held_.end() && held->second.number == attempt.number) {
    held_.erase(held);
  }
  deaths_.erase(attempt.job);
}

void Attempts::WorkerGone(int pid, std::string_view why, bool died) {
  std::vector<store::AttemptId> lost;
  {
    MutexLock lock(mu_);
    for (const auto& [job, held] : held_) {
      if (LocalPid(held.worker) == pid) {
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
      const int pid = LocalPid(held.worker);
      if (pid != 0 && ProcessIsGone(pid)) {
        lost.push_back({{job, held.number}, fmt::format("worker {} is gone", held.worker)});
      } else if (options_.now() >= held.ends) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.lease).count();
        lost.push_back({{job, held.number}, fmt::format("worker {} was silent for {} s", held.worker, seconds)});
      }
    }
  }
  for (const auto& [attempt, why] : lost) {
    End(attempt, why, true);
  }
}

void Attempts::End(store::AttemptId attempt, std::string_view why, bool died) {
  Held held;
  int deaths = 0;
  {
    MutexLock lock(mu_);
    const auto found = held_.find(attempt.job);
    if (found == held_.end() || found->second.number != attempt.number) {
      return;
    }
    held = found->second;
    held_.erase(found);
    deaths = died ? deaths_[attempt.job] + 1 : 0;
  }
  const absl::Status status = GiveBackOrFail(attempt, why, deaths);
  Log(LogLevel::kWarning, "attempt_ended",
      {{"job", attempt.job},
       {"attempt", attempt.number},
       {"why", why},
       {"deaths", deaths},
       {"status", Message(status)}});
  MutexLock lock(mu_);
  const bool stale = absl::IsFailedPrecondition(status) || absl::IsNotFound(status);
  if (!status.ok() && !stale) {  // the disk is full: the next sweep tries again
    held.ends = options_.now();
    held_.emplace(attempt.job, held);
    return;
  }
  if (died) {
    deaths_[attempt.job] = deaths;
  }
  ++queue_version_;
  queue_changed_.notify_all();
}

absl::Status Attempts::GiveBackOrFail(store::AttemptId attempt, std::string_view why, int deaths) {
  if (deaths >= options_.max_deaths) {
    NORMLAB_ASSIGN_OR_RETURN(const store::Job job, store_.GetJob(attempt.job));
    if (job.state == store::JobState::kRunning) {
      store::FinishInfo info;
      info.state = store::JobState::kFailed;
      info.error = fmt::format("{} attempts in a row ended without a new checkpoint; the last: {}", deaths, why);
      info.steps_done = job.steps_done;
      return store_.Finish(attempt, info).status();
    }
  }
  return store_.Release(attempt, why);
}

int Attempts::LocalPid(std::string_view worker) const {
  if (options_.host.empty() || !worker.starts_with(options_.host + ":")) {
    return 0;
  }
  const std::string_view digits = worker.substr(options_.host.size() + 1);
  int pid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return error == std::errc() && end == digits.data() + digits.size() && pid > 0 ? pid : 0;
}

}  // namespace normlab::server
