// call.h - what every RPC of the worker shares: errors as absl::Status, cancellation, and when to try again.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/status.h"

namespace normlab::workers {

absl::Status FromGrpc(const grpc::Status& status);

// The attempt is no longer ours, or its job is gone or has been failed by the server: whatever is left of it is
// dropped.
bool IsStale(const absl::Status& status);

// Worth the same call again: the server is away, slow, restarting or its disk is full. Every RPC of WorkerService may
// be repeated: points are compared with what is stored, checkpoints and artifacts replace themselves.
bool IsTransient(const absl::Status& status);

// How long a call is repeated, and how often: pauses are each twice as long as the one before, from `first` to
// `longest`.
struct Backoff {
  std::chrono::milliseconds first{50};
  std::chrono::milliseconds longest{2000};
  std::optional<std::chrono::milliseconds> limit = std::chrono::minutes(10);  // absent: until stopped
  // kInternal and kUnknown do not tell a server whose disk failed, or a connection that broke, from a message that the
  // server could not read: they are taken for a refusal when nothing else was answered for so long.
  std::chrono::milliseconds unexplained{30'000};
};

// Sleeps for `time`, or until `stop` is requested: false then.
bool SleepFor(std::chrono::milliseconds time, std::stop_token stop);

// Calls until the answer is OK or a refusal, the backoff's limit has passed (the last answer then, which is still
// transient), or `stop` is requested: kCancelled then. `what` names the call in the log lines that say that the server
// does not answer, now and every minute, that it does again, and that it was given up.
absl::Status Retry(std::string_view what, const Backoff& backoff, std::stop_token stop,
                   const std::function<absl::Status()>& call);

}  // namespace normlab::workers
