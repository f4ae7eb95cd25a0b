// call.h - what every RPC of the worker shares: errors as absl::Status, cancellation, and when to try again.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>
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

// Waits of a retry loop: each twice as long as the one before, from `first` to `longest`.
struct Backoff {
  std::chrono::milliseconds first{50};
  std::chrono::milliseconds longest{2000};
};

// Sleeps for `time`, or until `stop` is requested: false then.
bool SleepFor(std::chrono::milliseconds time, std::stop_token stop);

// Calls until the answer is OK or not transient, or until `stop` is requested: kCancelled then. `what` names the call
// in the one log line that says the server does not answer, and the one that says it does again.
absl::Status Retry(std::string_view what, const Backoff& backoff, std::stop_token stop,
                   const std::function<absl::Status()>& call);

}  // namespace normlab::workers
