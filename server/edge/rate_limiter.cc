#include "server/edge/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace normlab::server {

double RateLimiter::Left(const Bucket& bucket, Clock::time_point now) const {
  const double seconds = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
  return std::min(burst_, bucket.left + seconds * per_second_);
}

RateLimiter::Bucket& RateLimiter::Find(const std::string& name, Clock::time_point now) {
  const auto found = buckets_.find(name);
  if (found != buckets_.end()) {
    return found->second;
  }
  if (buckets_.size() >= most_names_) {  // a full bucket is as good as none
    std::erase_if(buckets_, [&](const auto& known) { return Left(known.second, now) >= burst_; });
  }
  const bool room = buckets_.size() < most_names_;
  return buckets_.try_emplace(room ? name : std::string(), Bucket{burst_, now}).first->second;
}

std::chrono::milliseconds RateLimiter::Take(const std::string& name, Clock::time_point now) {
  const MutexLock lock(mu_);
  Bucket& bucket = Find(name, now);
  bucket.left = Left(bucket, now);
  bucket.at = now;
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return std::chrono::milliseconds(0);
  }
  return std::chrono::milliseconds(std::max(1L, std::lround(std::ceil(1000 * (1 - bucket.left) / per_second_))));
}

}  // namespace normlab::server
