// grant.h - what a token of somebody's gives him, for as long as it is good.
//
// Shared by the list of tokens, which ends it, and by the calls that came with it, which look at it while they run.
//
// Thread safety: all methods, any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.h"

namespace normlab::server {

enum class Role;

class Grant {
 public:
  // `expires_ms`: Unix time; 0: never.
  Grant(std::string name, Role role, std::int64_t expires_ms)
      : name_(std::move(name)), role_(role), expires_ms_(expires_ms) {}

  const std::string& name() const { return name_; }
  Role role() const { return role_; }
  bool good() const { return !ended_ && (expires_ms_ == 0 || UnixMs() < expires_ms_); }
  // For ever.
  void End() { ended_ = true; }

 private:
  const std::string name_;
  const Role role_;
  const std::int64_t expires_ms_;
  std::atomic<bool> ended_{false};
};

}  // namespace normlab::server
