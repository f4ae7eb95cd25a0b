// rate_limiter.h - so many per second of each, and a few more at once: token buckets by name.
//
// Thread safety: all methods, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include "base/mutex.h"

namespace normlab::server {

class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  // `burst` >= 1 at once, and `per_second` > 0 on and on. Names beyond `most_names` that are busy share one bucket, so that
  // inventing names takes no memory.
  RateLimiter(double per_second, double burst, std::size_t most_names = 4096)
      : per_second_(per_second), burst_(burst), most_names_(most_names) {}

  // 0: go on. Otherwise how long `name` has to wait for the next one.
  std::chrono::milliseconds Take(const std::string& name, Clock::time_point now = Clock::now())
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Bucket {
    double left = 0;
    Clock::time_point at;
  };
  Bucket& Find(const std::string& name, Clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  double Left(const Bucket& bucket, Clock::time_point now) const;

  const double per_second_;
  const double burst_;
  const std::size_t most_names_;
  Mutex mu_;
  std::map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace normlab::server
