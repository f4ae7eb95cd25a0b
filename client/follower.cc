#include "client/follower.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace normlab::client {
namespace {

constexpr std::chrono::milliseconds kRetryAfter{500};

}  // namespace

JobFollower::JobFollower(Client& client, std::vector<std::string> job_ids, std::chrono::milliseconds patience)
    : client_(client),
      job_ids_(std::move(job_ids)),
      patience_(patience),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

JobFollower::~JobFollower() = default;

JobFollower::News JobFollower::Wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mu_);
  while (version_ == seen_ && !ended_ && lock.WaitUntil(changed_, deadline)) {
  }
  seen_ = version_;
  News news{.jobs = {}, .connected = connected_, .ended = ended_, .status = status_};
  for (const std::string& id : job_ids_) {
    if (const auto found = jobs_.find(id); found != jobs_.end()) {
      news.jobs.push_back(found->second);
    }
  }
  return news;
}

bool JobFollower::AllTerminal() {
  MutexLock lock(mu_);
  for (const std::string& id : job_ids_) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || !IsTerminal(found->second.state())) {
      return false;
    }
  }
  return true;
}

absl::Status JobFollower::ReadOnce(const std::stop_token& stop) {
  v1::WatchJobsRequest request;
  request.mutable_job_ids()->Add(job_ids_.begin(), job_ids_.end());
  {
    MutexLock lock(mu_);
    request.set_after_revision(revision_);
  }
  return client_.WatchJobs(
      request,
      [this](const v1::WatchJobsResponse& news) {
        MutexLock lock(mu_);
        for (const v1::Job& job : news.jobs()) {
          revision_ = std::max(revision_, job.revision());
          jobs_[job.job_id()] = job;
        }
        connected_ = true;
        ++version_;
        changed_.notify_all();
        return true;
      },
      stop);
}

void JobFollower::Run(const std::stop_token& stop) {
  auto away_since = std::chrono::steady_clock::time_point::max();
  absl::Status status;
  for (;;) {
    status = ReadOnce(stop);
    if (stop.stop_requested() || AllTerminal()) {
      break;
    }
    const auto now = std::chrono::steady_clock::now();
    if (status.ok()) {
      away_since = now;  // the server ended the stream early, as it may
    } else if (status.code() != absl::StatusCode::kUnavailable) {
      break;
    }
    {
      MutexLock lock(mu_);
      if (connected_) {
        away_since = now;
      }
      connected_ = status.ok();
      ++version_;
      changed_.notify_all();
    }
    if (now - away_since >= patience_) {
      break;
    }
    std::mutex idle;
    std::unique_lock lock(idle);
    stopped_.wait_for(lock, stop, kRetryAfter, [] { return false; });
  }
  const bool all_terminal = AllTerminal();
  MutexLock lock(mu_);
  ended_ = true;
  status_ = all_terminal ? absl::OkStatus() : status;
  changed_.notify_all();
}

}  // namespace normlab::client
