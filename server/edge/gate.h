// gate.h - what every call passes: may the caller call, is the server still serving, is there room.
//
// Each method of each service runs through the gate, so that the rules stand in one place; a test walks all methods by
// reflection and demands that each is guarded. Behind it there is a Caller and an absl::Status, and nothing of gRPC but
// the messages and their streams.
//
// Thread safety: all methods, any thread.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "server/edge/access.h"
#include "server/edge/auditor.h"
#include "server/edge/open_calls.h"
#include "server/edge/rate_limiter.h"

namespace normlab::server {

// How long calls of a kind hold their thread, and whether they are needed while workers wind up.
enum class CallKind {
  kShort,        // refused while draining
  kStream,       // for minutes or hours: counted, refused beyond a limit and while draining
  kRead,         // sends a curve or a file: counted apart, so that watchers cannot block it
  kCompare,      // holds many curves in memory (comparisons, imports): counted apart, and few at a time
  kWorker,       // a worker's report: served until the end, so that checkpoints of the last moment are kept
  kWorkerWait,   // a worker that waits for a job: as kStream, but counted apart, so that watchers cannot starve workers
  kWorkerOrder,  // a worker at work that waits for orders: counted apart too, and served until the end
};

struct GateLimits {
  int streams = 512;
  int streams_of_one = 128;  // of these, and of the reads: of one person; see OpenCalls
  int reads = 64;
  int reads_of_one = 16;
  int compares = 4;
  int worker_waits = 128;
  int worker_orders = 128;
  int connections = 512;                      // of the socket; further ones are closed as they come
  int tcp_connections = 256;                  // of the port, so that strangers there leave the owner his
  int connections_of_one = 64;                // of these: from one address, where the port is not loopback
  std::uint64_t compared_points = 8'000'000;  // of all curves of one comparison; each takes 16 bytes
  std::int64_t queued = 100'000;              // jobs that wait for a worker
  std::int64_t queued_of_one = 1'000;         // of these: of one submitter
  // Of one person, that is of a token that was made for somebody: files of a role are shown by many programs at once.
  double calls_per_second = 200;
  double calls_at_once = 2'000;
};

class Gate {
 public:
  using Body = std::function<absl::Status(const Caller&)>;

  // `auditor`: null: nothing is written.
  Gate(Access access, GateLimits limits, Auditor* auditor = nullptr)
      : access_(std::move(access)),
        limits_(limits),
        auditor_(auditor),
        rate_(limits.calls_per_second, limits.calls_at_once),
        streams_(limits.streams, limits.streams_of_one),
        reads_(limits.reads, limits.reads_of_one),
        compares_(limits.compares),
        worker_waits_(limits.worker_waits),
        worker_orders_(limits.worker_orders) {}

  // The door of gRPC: finds out who calls, serves him, and puts the status on the wire. `method` is
  // "JobService.GetJob". A call that changes something gives its messages, of which the audit log says what it was about.
  grpc::Status Call(grpc::ServerContext& context, std::string_view method, CallKind kind, const Body& body) {
    return Call(context, method, kind, {}, body);
  }
  grpc::Status Call(grpc::ServerContext& context, std::string_view method, CallKind kind, const Messages& messages,
                    const Body& body);

  // What Call would say first to somebody inside this process who shows this: OK for a token of the server. Such a caller
  // speaks for others, so he is never taken for the user of the Unix socket.
  absl::Status Identify(std::string_view authorization) const;

  // Checks, calls `body`, and returns its status. A body that throws is kInternal. Errors that are our fault are
  // logged with the method's name.
  absl::Status Serve(const Caller& caller, std::string_view method, CallKind kind, const Body& body)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends calls that came with a token which is good no more. Called now and then: those that look whether they are still wanted
  // end by themselves, with a text that says why; those that wait for a slow reader are cut off at the second look.
  void EndRevoked() ABSL_LOCKS_EXCLUDED(mu_);

  // From now on only workers' reports are served.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }
  // From now on nothing is served: every call, workers' reports included, is kUnavailable with this reason. Once.
  void Fail(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mu_);
  const GateLimits& limits() const { return limits_; }
  // Waits until no call runs, or until `timeout` has passed.
  void WaitUntilIdle(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class UnderWay;
  class Revocable;
  // A call that came with a token.
  struct Open {
    grpc::ServerContext& context;
    const Caller& caller;
    bool seen = false;  // without its token being good
  };
  absl::Status ServeOpen(grpc::ServerContext& context, const Caller& caller, std::string_view method, CallKind kind,
                         const Body& body);
  // kResourceExhausted for a caller who makes more calls than he may.
  absl::Status CheckRate(const Caller& caller, CallKind kind);
  void Audit(const Caller* caller, const grpc::ServerContext& context, std::string_view method, CallKind kind,
             const Messages& messages, const absl::Status& status) const;
  absl::Status Admit(const Caller& caller, std::string_view method, CallKind kind) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Run(const Caller& caller, std::string_view method, CallKind kind, const Body& body);

  const Access access_;
  const GateLimits limits_;
  Auditor* const auditor_;
  RateLimiter rate_;
  std::atomic<bool> draining_{false};
  OpenCalls streams_;
  OpenCalls reads_;
  OpenCalls compares_;
  OpenCalls worker_waits_;
  OpenCalls worker_orders_;
  mutable Mutex mu_;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::condition_variable idle_;
  int calls_ ABSL_GUARDED_BY(mu_) = 0;  // under way
  std::list<Open> open_ ABSL_GUARDED_BY(mu_);
};

// What calls get while the server stops: kUnavailable, to be tried again.
absl::Status Stopping();

}  // namespace normlab::server
