// gate.h - what every call passes: may the caller call, is the server still serving, is there room.
//
// Each method of each service runs through Gate::Call, so that the rules stand in one place; a test walks all methods
// by reflection and demands that each is guarded.
//
// Thread safety: all methods, any thread.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "server/edge/access.h"

namespace normlab::server {

// How long calls of a kind hold their thread, and whether they are needed while workers wind up.
enum class CallKind {
  kShort,       // refused while draining
  kStream,      // for minutes or hours: counted, refused beyond a limit and while draining
  kWorker,      // a worker's report: served until the end, so that checkpoints of the last moment are kept
  kWorkerWait,  // a worker that waits for a job: as kStream, but counted apart, so that watchers cannot starve workers
};

struct GateLimits {
  int streams = 64;
  int worker_waits = 128;
  int connections = 512;          // further ones are closed as they come
  std::int64_t queued = 100'000;  // jobs that wait for a worker
};

class Gate {
 public:
  Gate(Access access, GateLimits limits) : access_(std::move(access)), limits_(limits) {}

  // Checks, calls `body`, and puts its status on the wire. Unexpected errors are logged with the name of the call.
  grpc::Status Call(grpc::ServerContext& context, std::string_view name, CallKind kind,
                    const std::function<absl::Status()>& body);

  // From now on only workers' reports are served.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }
  // Waits until no call runs, or until `timeout` has passed.
  void WaitUntilIdle(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status Admit(const grpc::ServerContext& context, CallKind kind) const;
  absl::Status Run(const grpc::ServerContext& context, CallKind kind, const std::function<absl::Status()>& body);
  // Runs `body` if fewer than `limit` calls counted by `open` run.
  static absl::Status Counted(std::atomic<int>& open, int limit, const std::function<absl::Status()>& body);

  const Access access_;
  const GateLimits limits_;
  std::atomic<bool> draining_{false};
  std::atomic<int> streams_{0};
  std::atomic<int> worker_waits_{0};
  Mutex mu_;
  std::condition_variable idle_;
  int calls_ ABSL_GUARDED_BY(mu_) = 0;  // under way
};

// What calls get while the server stops: kUnavailable, to be tried again.
absl::Status Stopping();

}  // namespace normlab::server
