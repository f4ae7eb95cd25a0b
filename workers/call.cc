#include "workers/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/log.h"

namespace normlab::workers {

absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

bool IsStale(const absl::Status& status) {
  return status.code() == absl::StatusCode::kFailedPrecondition || status.code() == absl::StatusCode::kNotFound ||
         status.code() == absl::StatusCode::kPermissionDenied;  // the server's key is not the one of our secret
}

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:  // a server that shuts down cancels what it has not answered
      return true;
    default:
      return false;
  }
}

bool SleepFor(std::chrono::milliseconds time, std::stop_token stop) {
  std::mutex mu;
  std::condition_variable_any never;
  std::unique_lock lock(mu);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

namespace {

using Clock = std::chrono::steady_clock;

bool IsUnexplained(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInternal || status.code() == absl::StatusCode::kUnknown;
}

// Which answers of one call are worth another try, and what is logged about them.
class Patience {
 public:
  Patience(std::string_view what, const Backoff& backoff) : what_(what), backoff_(backoff) {}

  bool TriesAgain(const absl::Status& status) {
    const auto now = Clock::now();
    if (!IsUnexplained(status)) {
      unexplained_since_.reset();
    } else if (!unexplained_since_) {
      unexplained_since_ = now;
    }
    const bool again = unexplained_since_ ? now - *unexplained_since_ < backoff_.unexplained : IsTransient(status);
    if (!again) {
      Say(status.ok() ? "server_answers_again" : "server_refuses", status);
      return false;
    }
    if (backoff_.limit && now - began_ >= *backoff_.limit) {
      Say("server_given_up", status);
      return false;
    }
    if (!said_ || now - *said_ >= kSayEvery) {
      said_ = now;
      Log(LogLevel::kWarning, "server_does_not_answer",
          {{"call", what_}, {"why", Message(status)}, {"next", "trying again"}});
    }
    return true;
  }

 private:
  static constexpr std::chrono::minutes kSayEvery{1};

  void Say(std::string_view event, const absl::Status& status) const {
    if (said_) {
      Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarning, event, {{"call", what_}, {"why", Message(status)}});
    }
  }

  const std::string_view what_;
  const Backoff& backoff_;
  const Clock::time_point began_ = Clock::now();
  std::optional<Clock::time_point> said_;
  std::optional<Clock::time_point> unexplained_since_;
};

}  // namespace

absl::Status Retry(std::string_view what, const Backoff& backoff, std::stop_token stop,
                   const std::function<absl::Status()>& call) {
  Patience patience(what, backoff);
  for (auto pause = backoff.first; !stop.stop_requested(); pause = std::min(2 * pause, backoff.longest)) {
    const absl::Status status = call();
    if (!stop.stop_requested() && !patience.TriesAgain(status)) {
      return status;
    }
    SleepFor(pause, stop);
  }
  return absl::CancelledError(fmt::format("{}: given up", what));
}

}  // namespace normlab::workers
