// open_calls.h - how many calls of a kind run, of all callers and of each person, and the limits of both.
//
// Thread safety: all methods, any thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "server/edge/caller.h"

namespace normlab::server {

class OpenCalls {
 public:
  // `of_one`: of one person, that is of a token that was made for somebody: a token of a role is shown by many programs at once.
  OpenCalls(int limit, int of_one) : limit_(limit), of_one_(of_one) {}
  explicit OpenCalls(int limit) : OpenCalls(limit, limit) {}

  // Runs `body` and returns its status, or kResourceExhausted where that would be one too many.
  absl::Status Run(const Caller& caller, const std::function<absl::Status(const Caller&)>& body)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Place;
  absl::Status Enter(const Caller& caller) ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(const Caller& caller) ABSL_LOCKS_EXCLUDED(mu_);

  const int limit_;
  const int of_one_;
  Mutex mu_;
  int open_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, int> of_ ABSL_GUARDED_BY(mu_);  // persons who have one open
};

}  // namespace normlab::server
