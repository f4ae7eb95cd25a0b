// follower.h - keeps the latest state of some jobs while they change, across lost connections.
//
// A thread of its own reads WatchJobs; when the stream breaks because the server goes down, it connects again after the
// last revision it saw, for as long as `patience` says. It draws nothing.
//
// Thread safety: Wait from one thread. `client` must outlive the follower.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "client/client.h"

namespace normlab::client {

class JobFollower {
 public:
  // How long a server may be away before following it fails.
  static constexpr std::chrono::seconds kPatience{60};

  JobFollower(Client& client, std::vector<std::string> job_ids, std::chrono::milliseconds patience = kPatience);
  ~JobFollower();
  JobFollower(const JobFollower&) = delete;
  JobFollower& operator=(const JobFollower&) = delete;

  struct News {
    std::vector<v1::Job> jobs;  // those seen so far, in the order asked for
    bool connected = true;      // false: the server is away, tried again by itself
    bool ended = false;         // nothing more will come: all jobs are terminal, or `status` says why not
    absl::Status status;
  };
  // Returns at the first change since the last call, at the end, or after `timeout`.
  News Wait(std::chrono::milliseconds timeout);

 private:
  void Run(const std::stop_token& stop);
  absl::Status ReadOnce(const std::stop_token& stop);
  bool AllTerminal() ABSL_LOCKS_EXCLUDED(mu_);

  Client& client_;
  const std::vector<std::string> job_ids_;
  const std::chrono::milliseconds patience_;

  Mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, v1::Job> jobs_ ABSL_GUARDED_BY(mu_);
  std::uint64_t revision_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t version_ ABSL_GUARDED_BY(mu_) = 0;  // counts changes of anything here
  std::uint64_t seen_ ABSL_GUARDED_BY(mu_) = 0;
  bool connected_ ABSL_GUARDED_BY(mu_) = true;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: its thread uses everything above
};

}  // namespace normlab::client
