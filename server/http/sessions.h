// sessions.h - POST /session: a one-time code (proto/transport/link_code.h) for the admin's token.
//
// A code is good once, for a few minutes, and only with the server that ran when it was made: what was exchanged is
// remembered no longer than that.
//
// Thread safety: all methods, any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "server/http/answer.h"

namespace normlab::server::http {

class Sessions {
 public:
  using Clock = std::chrono::system_clock;
  // `token` reads the admin's from its file. `now` is borrowed from tests.
  explicit Sessions(std::function<absl::StatusOr<std::string>()> token,
                    std::function<Clock::time_point()> now = Clock::now)
      : token_(std::move(token)), now_(std::move(now)), since_(now_()) {}

  // {"code":"..."} -> {"token":"...","role":"admin"}; UNAUTHENTICATED for a code that is not, or no longer, good.
  Answer Exchange(std::string_view body) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::StatusOr<std::string> Redeem(const std::string& code) ABSL_LOCKS_EXCLUDED(mu_);

  const std::function<absl::StatusOr<std::string>()> token_;
  const std::function<Clock::time_point()> now_;
  const Clock::time_point since_;  // this server runs
  Mutex mu_;
  std::map<std::string, Clock::time_point> used_ ABSL_GUARDED_BY(mu_);  // codes, with when they were made
};

}  // namespace normlab::server::http
