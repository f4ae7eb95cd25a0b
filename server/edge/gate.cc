#include "server/edge/gate.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "proto/transport/token.h"
#include "server/edge/errors.h"
#include "server/edge/roles.h"

namespace normlab::server {
namespace {

std::string_view Authorization(const grpc::ServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kAuthorization);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

// The name in the certificate that the caller's machine showed; empty: none.
std::string CertificateOf(const grpc::ServerContext& context) {
  const auto names = context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  return names.empty() ? std::string() : std::string(names.front().data(), names.front().size());
}

constexpr char kLocal[] = "local";  // gRPC's name of what ListenChildCredentials makes

bool CameAsChild(const grpc::ServerContext& context) {
  const auto types = context.auth_context()->FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  return !types.empty() && types.front() == grpc::string_ref(kLocal);
}

constexpr std::string_view kInProcessPeer = "inproc";  // gRPC's name of them

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

bool IsReport(CallKind kind) {
  return kind == CallKind::kWorker || kind == CallKind::kWorkerWait || kind == CallKind::kWorkerOrder;
}

absl::Status NoLongerAllowed() {
  return absl::UnauthenticatedError("the token that this call came with was revoked, rotated or has expired");
}

absl::Status Thrown(std::string_view what) {
  return absl::InternalError(fmt::format("the server failed inside this call: {}; its log names the call", what));
}

}  // namespace

absl::Status Stopping() {
  return WithRetry(absl::UnavailableError("the server is stopping; jobs go on when it is back"),
                   std::chrono::seconds(2));
}

// Counts one more while it lives, whatever ends the block.
class Gate::UnderWay {
 public:
  explicit UnderWay(Gate& gate) : gate_(gate) {
    const MutexLock lock(gate_.mu_);
    ++gate_.calls_;
  }
  ~UnderWay() {
    const MutexLock lock(gate_.mu_);
    --gate_.calls_;
    gate_.idle_.notify_all();
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  Gate& gate_;
};

// Can be ended from outside while it lives, if its caller came with a token that can.
class Gate::Revocable {
 public:
  Revocable(Gate& gate, grpc::ServerContext& context, const Caller& caller) : gate_(gate) {
    const MutexLock lock(gate_.mu_);
    place_ = gate_.open_.insert(gate_.open_.end(), Open{context, caller});
  }
  ~Revocable() {
    const MutexLock lock(gate_.mu_);
    gate_.open_.erase(place_);
  }
  Revocable(const Revocable&) = delete;
  Revocable& operator=(const Revocable&) = delete;

 private:
  Gate& gate_;
  std::list<Open>::iterator place_;
};

absl::Status Gate::Admit(const Caller& caller, std::string_view method, CallKind kind) const {
  NORMLAB_RETURN_IF_ERROR(CheckRole(caller.role(), method));
  {
    const MutexLock lock(mu_);
    if (!failure_.ok()) {
      return WithReason(failure_, "STORE_STOPPED");
    }
  }
  if (draining_ && kind != CallKind::kWorker && kind != CallKind::kWorkerOrder) {
    return Stopping();
  }
  if (caller.deadline() <= Caller::Clock::now()) {
    return absl::DeadlineExceededError("the call's deadline had passed before it was looked at");
  }
  return absl::OkStatus();
}

void Gate::Fail(const absl::Status& why) {
  const MutexLock lock(mu_);
  failure_ = WithRetry(why, std::chrono::seconds(5));
  draining_ = true;
}

absl::Status Gate::Run(const Caller& caller, std::string_view method, CallKind kind, const Body& body) {
  NORMLAB_RETURN_IF_ERROR(Admit(caller, method, kind));
  switch (kind) {
    case CallKind::kStream:
      return streams_.Run(caller, body);
    case CallKind::kRead:
      return reads_.Run(caller, body);
    case CallKind::kCompare:
      return compares_.Run(caller, body);
    case CallKind::kWorkerWait:
      return worker_waits_.Run(caller, body);
    case CallKind::kWorkerOrder:
      return worker_orders_.Run(caller, body);
    default:
      return body(caller);
  }
}

absl::Status Gate::Serve(const Caller& caller, std::string_view method, CallKind kind, const Body& body) {
  const UnderWay under_way(*this);
  absl::Status status;
  try {
    status = Run(caller, method, kind, body);
  } catch (const std::exception& error) {
    status = Thrown(error.what());
  } catch (...) {
    status = Thrown("an unknown exception");
  }
  if (IsOurFault(status)) {
    Log(LogLevel::kWarning, "call_failed",
        {{"call", method}, {"caller", caller.identity()}, {"error", Message(status)}});
  }
  return status;
}

absl::Status Gate::ServeOpen(grpc::ServerContext& context, const Caller& caller, std::string_view method, CallKind kind,
                             const Body& body) {
  if (!caller.revocable()) {
    return Serve(caller, method, kind, body);
  }
  const Revocable revocable(*this, context, caller);
  const absl::Status status = Serve(caller, method, kind, body);
  return status.ok() || caller.allowed() ? status : NoLongerAllowed();
}

absl::Status Gate::CheckRate(const Caller& caller, CallKind kind) {
  if (IsReport(kind) || !caller.revocable()) {
    return absl::OkStatus();
  }
  const std::chrono::milliseconds wait = rate_.Take(caller.identity());
  return wait.count() == 0 ? absl::OkStatus()
                           : WithReason(WithRetry(absl::ResourceExhaustedError(fmt::format(
                                                      "{} makes more than {} calls per second; wait {} ms",
                                                      caller.identity(), limits_.calls_per_second, wait.count())),
                                                  wait),
                                        "RATE");
}

void Gate::Audit(const Caller* caller, const grpc::ServerContext& context, std::string_view method, CallKind kind,
                 const Messages& messages, const absl::Status& status) const {
  if (auditor_ == nullptr || (IsReport(kind) && status.ok())) {
    return;
  }
  auditor_->Ended(caller, {.name = context.peer(), .certificate = CertificateOf(context)}, method, messages, status);
}

grpc::Status Gate::Call(grpc::ServerContext& context, std::string_view method, CallKind kind, const Messages& messages,
                        const Body& body) {
  absl::StatusOr<Principal> principal =
      access_.Identify(CameAsChild(context) ? std::string(kChildPeer) : context.peer(), Authorization(context));
  if (!principal.ok()) {
    Audit(nullptr, context, method, kind, messages, principal.status());
    return ToGrpc(principal.status());
  }
  const Caller caller(*std::move(principal), context.deadline(), [&context] { return context.IsCancelled(); });
  absl::Status status = CheckRate(caller, kind);
  if (status.ok()) {
    status = ServeOpen(context, caller, method, kind, body);
  }
  Audit(&caller, context, method, kind, messages, status);
  return ToGrpc(status);
}

void Gate::EndRevoked() {
  const MutexLock lock(mu_);
  for (Open& call : open_) {
    if (!call.caller.allowed() && std::exchange(call.seen, true)) {
      call.context.TryCancel();
    }
  }
}

absl::Status Gate::Identify(std::string_view authorization) const {
  const absl::Status status = access_.Identify(kInProcessPeer, authorization).status();
  if (!status.ok() && auditor_ != nullptr) {
    auditor_->Ended(nullptr, {.name = std::string(kInProcessPeer)}, "", {}, status);
  }
  return status;
}

void Gate::WaitUntilIdle(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mu_);
  while (calls_ > 0 && lock.WaitUntil(idle_, deadline)) {
  }
}

}  // namespace normlab::server
