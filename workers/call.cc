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
  return status.code() == absl::StatusCode::kFailedPrecondition || status.code() == absl::StatusCode::kNotFound;
}

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:  // a server that shuts down cancels what it has not answered
    case absl::StatusCode::kInternal:   // its disk failed: it refuses writes until it is restarted
    case absl::StatusCode::kUnknown:    // gRPC's word for a connection that broke inside a call
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

absl::Status Retry(std::string_view what, const Backoff& backoff, std::stop_token stop,
                   const std::function<absl::Status()>& call) {
  bool silent = false;
  for (auto pause = backoff.first; !stop.stop_requested(); pause = std::min(2 * pause, backoff.longest)) {
    const absl::Status status = call();
    if (!IsTransient(status)) {
      if (silent) {
        Log(LogLevel::kInfo, "server_answers_again", {{"call", what}});
      }
      return status;
    }
    if (!silent && !stop.stop_requested()) {
      silent = true;
      Log(LogLevel::kWarning, "server_does_not_answer",
          {{"call", what}, {"why", Message(status)}, {"next", "trying again"}});
    }
    SleepFor(pause, stop);
  }
  return absl::CancelledError(fmt::format("{}: given up", what));
}

}  // namespace normlab::workers
