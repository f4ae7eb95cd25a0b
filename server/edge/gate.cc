#include "server/edge/gate.h"

#include <fmt/format.h>

#include <chrono>

#include "base/log.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

std::string_view Authorization(const grpc::ServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

// Codes that point at the server, not at the caller.
bool IsOurFault(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::Status Stopping() {
  return WithRetry(absl::UnavailableError("the server is stopping; jobs go on when it is back"),
                   std::chrono::seconds(2));
}

absl::Status Gate::Admit(const grpc::ServerContext& context, CallKind kind) const {
  NORMLAB_RETURN_IF_ERROR(access_.Check(context.peer(), Authorization(context)));
  if (draining_ && kind != CallKind::kWorker) {
    return Stopping();
  }
  if (context.deadline() <= std::chrono::system_clock::now()) {
    return absl::DeadlineExceededError("the call's deadline had passed before it was looked at");
  }
  return absl::OkStatus();
}

absl::Status Gate::Counted(std::atomic<int>& open, int limit, const std::function<absl::Status()>& body) {
  absl::Status status;
  if (open.fetch_add(1) >= limit) {
    status = WithRetry(absl::ResourceExhaustedError(fmt::format(
                           "{} such calls are open, which is the limit; close one or try again later", limit)),
                       std::chrono::seconds(5));
  } else {
    status = body();
  }
  open.fetch_sub(1);
  return status;
}

absl::Status Gate::Run(const grpc::ServerContext& context, CallKind kind, const std::function<absl::Status()>& body) {
  NORMLAB_RETURN_IF_ERROR(Admit(context, kind));
  switch (kind) {
    case CallKind::kStream:
      return Counted(streams_, limits_.streams, body);
    case CallKind::kWorkerWait:
      return Counted(worker_waits_, limits_.worker_waits, body);
    default:
      return body();
  }
}

grpc::Status Gate::Call(grpc::ServerContext& context, std::string_view name, CallKind kind,
                        const std::function<absl::Status()>& body) {
  {
    const MutexLock lock(mu_);
    ++calls_;
  }
  const absl::Status status = Run(context, kind, body);
  {
    const MutexLock lock(mu_);
    --calls_;
    idle_.notify_all();
  }
  if (IsOurFault(status)) {
    Log(LogLevel::kWarning, "call_failed", {{"call", name}, {"error", Message(status)}});
  }
  return ToGrpc(status);
}

void Gate::WaitUntilIdle(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mu_);
  while (calls_ > 0 && lock.WaitUntil(idle_, deadline)) {
  }
}

}  // namespace normlab::server
