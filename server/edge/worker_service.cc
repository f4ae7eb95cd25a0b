#include "server/edge/worker_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "data/registry.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/request_id.h"
#include "server/edge/transfer.h"
#include "server/schedule/computed_by.h"
#include "server/schedule/resolve.h"

namespace normlab::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxWait{30'000};
constexpr std::size_t kMaxWorkerName = 128;

milliseconds ReadDuration(const google::protobuf::Duration& duration) {
  const std::int64_t seconds = std::clamp<std::int64_t>(duration.seconds(), 0, kMaxWait.count() / 1000);
  return std::clamp(milliseconds(seconds * 1000 + duration.nanos() / 1'000'000), milliseconds(0), kMaxWait);
}

void SetDuration(milliseconds value, google::protobuf::Duration& duration) {
  duration.set_seconds(value.count() / 1000);
  duration.set_nanos(static_cast<int>(value.count() % 1000 * 1'000'000));
}

// FAILED_PRECONDITION in answer to a worker means that the attempt is no longer the job's current one.
absl::Status NameStale(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ? WithReason(status, "STALE_ATTEMPT") : status;
}

absl::Status GiveLease(Core& core, const Caller& caller, const v1::LeaseRequest& request, v1::LeaseResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(store::Request key, RequestOf(request));
  const store::Worker worker{.name = request.worker(), .id = caller.worker_id()};
  key.body_hash += worker.id;  // nobody repeats another's request
  if (worker.name.empty() || worker.name.size() > kMaxWorkerName ||
      Shown(worker.name).find('\\') != std::string::npos) {
    return BadField("worker", fmt::format("is {}; expected host:pid, at most {} printable characters",
                                          Shown(worker.name), kMaxWorkerName));
  }
  NORMLAB_ASSIGN_OR_RETURN(
      const std::optional<store::Lease> lease,
      core.attempts.Lease(key, worker, ReadDuration(request.wait()), [&caller] { return caller.cancelled(); }));
  if (!lease && core.gate.draining()) {
    return Stopping();
  }
  if (lease) {
    auto& wire = *response.mutable_lease();
    *wire.mutable_attempt() = core.secrets.Name({.job = lease->job.id, .number = lease->job.attempt});
    *wire.mutable_spec() = ReadStoredSpec(lease->job);
    SetDuration(core.attempts.lease(), *wire.mutable_lease());
    if (lease->checkpoint_step) {
      wire.set_checkpoint_step(*lease->checkpoint_step);
    }
  }
  return absl::OkStatus();
}

// A content is told of data sets that the registry does not pin, and of no others.
absl::Status CheckContent(const v1::StartRequest& request, const std::string& dataset) {
  const data::DatasetInfo* const info = data::FindDataset(dataset);
  if (info == nullptr || data::IsPinned(*info)) {
    return request.data_sha256().empty()
               ? absl::OkStatus()
               : BadField("data_sha256", fmt::format("is given, and {} is a set whose content is known", dataset));
  }
  const std::string& hash = request.data_sha256();
  return IsSha256Hex(hash) ? absl::OkStatus()
                           : BadField("data_sha256",
                                      fmt::format("is {}; expected the SHA-256 of what {} holds, 64 hexadecimal digits",
                                                  Shown(hash), dataset));
}

absl::Status Begin(Core& core, const v1::StartRequest& request, v1::StartResponse& response) {
  std::vector<FieldViolation> violations;
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(request.attempt(), violations));
  std::map<std::string, std::string> facts = ReadComputation(request, violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.GetJob(attempt.job));
  NORMLAB_RETURN_IF_ERROR(CheckContent(request, job.dataset));
  if (!request.data_sha256().empty()) {
    facts.emplace(kContentFact, request.data_sha256());
  }
  const std::string identity =
      IdentityOf(ReadStoredSpec(job), {request.numerics_revision(), request.model_revision()}, request.data_sha256());
  NORMLAB_ASSIGN_OR_RETURN(const bool restarted, core.store.StartAttempt(attempt, {identity, facts}));
  if (!request.data_sha256().empty()) {
    core.data.Learn(job.dataset, request.data_sha256());  // not from an attempt that is over: it may be long ago
  }
  response.set_restarted(restarted);
  return absl::OkStatus();
}

absl::Status Beat(Core& core, const v1::HeartbeatRequest& request, v1::HeartbeatResponse& response) {
  std::vector<FieldViolation> violations;
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(request.attempt(), violations));
  const store::Progress progress = ReadProgress(request, violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.ReportProgress(attempt, progress));
  core.attempts.Beat(attempt, progress.steps_done);
  response.set_stop(job.state == store::JobState::kCancelling);
  response.set_yield(core.gate.draining());
  return absl::OkStatus();
}

absl::Status GiveOrder(Core& core, const Caller& caller, const v1::AwaitOrderRequest& request,
                       v1::AwaitOrderResponse& response) {
  std::vector<FieldViolation> violations;
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(request.attempt(), violations));
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(
      const Attempts::Order order,
      core.attempts.AwaitOrder(attempt, ReadDuration(request.wait()), [&caller] { return caller.cancelled(); }));
  response.set_stop(order == Attempts::Order::kStop);
  response.set_yield(order == Attempts::Order::kYield);
  return absl::OkStatus();
}

absl::Status Append(Core& core, const v1::AppendPointsRequest& request, v1::AppendPointsResponse& response) {
  std::vector<FieldViolation> violations;
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(request.attempt(), violations));
  const std::vector<store::PointColumns> columns = ReadColumns(request, violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  const absl::StatusOr<store::AppendResult> result = core.store.AppendPoints(attempt, columns);
  core.attempts.Answered(attempt, result.status()).IgnoreError();
  if (absl::IsDataLoss(result.status())) {
    // The store has failed the job, or could not even do that: then the lease stays until it runs out.
    const absl::StatusOr<store::Job> job = core.store.GetJob(attempt.job);
    if (job.ok() && store::IsTerminal(job->state)) {
      core.attempts.Ended(attempt);
    }
  }
  NORMLAB_RETURN_IF_ERROR(result.status());
  core.attempts.Moved(attempt);
  response.set_stored(result->stored);
  response.set_repeated(result->repeated);
  return absl::OkStatus();
}

absl::Status End(Core& core, const v1::FinishRequest& request) {
  std::vector<FieldViolation> violations;
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(request.attempt(), violations));
  const store::FinishInfo info = ReadFinish(request, violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_RETURN_IF_ERROR(core.attempts.Answered(attempt, core.store.Finish(attempt, info).status()));
  core.attempts.Ended(attempt);
  return absl::OkStatus();
}

}  // namespace

grpc::Status WorkerServiceImpl::Lease(grpc::ServerContext* context, const v1::LeaseRequest* request,
                                      v1::LeaseResponse* response) {
  return core_.gate.Call(*context, "WorkerService.Lease", CallKind::kWorkerWait,
                         [&](const Caller& caller) { return GiveLease(core_, caller, *request, *response); });
}

grpc::Status WorkerServiceImpl::Start(grpc::ServerContext* context, const v1::StartRequest* request,
                                      v1::StartResponse* response) {
  return core_.gate.Call(*context, "WorkerService.Start", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(Begin(core_, *request, *response)); });
}

grpc::Status WorkerServiceImpl::Heartbeat(grpc::ServerContext* context, const v1::HeartbeatRequest* request,
                                          v1::HeartbeatResponse* response) {
  return core_.gate.Call(*context, "WorkerService.Heartbeat", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(Beat(core_, *request, *response)); });
}

grpc::Status WorkerServiceImpl::AwaitOrder(grpc::ServerContext* context, const v1::AwaitOrderRequest* request,
                                           v1::AwaitOrderResponse* response) {
  return core_.gate.Call(*context, "WorkerService.AwaitOrder", CallKind::kWorkerOrder, [&](const Caller& caller) {
    return NameStale(GiveOrder(core_, caller, *request, *response));
  });
}

grpc::Status WorkerServiceImpl::AppendPoints(grpc::ServerContext* context, const v1::AppendPointsRequest* request,
                                             v1::AppendPointsResponse* response) {
  return core_.gate.Call(*context, "WorkerService.AppendPoints", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(Append(core_, *request, *response)); });
}

grpc::Status WorkerServiceImpl::PutCheckpoint(grpc::ServerContext* context,
                                              grpc::ServerReader<v1::PutCheckpointRequest>* reader,
                                              v1::PutCheckpointResponse*) {
  return core_.gate.Call(*context, "WorkerService.PutCheckpoint", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(ReceiveCheckpoint(core_, *reader)); });
}

grpc::Status WorkerServiceImpl::GetCheckpoint(grpc::ServerContext* context, const v1::GetCheckpointRequest* request,
                                              grpc::ServerWriter<v1::GetCheckpointResponse>* writer) {
  return core_.gate.Call(*context, "WorkerService.GetCheckpoint", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(SendCheckpoint(core_, *request, *writer)); });
}

grpc::Status WorkerServiceImpl::PutArtifact(grpc::ServerContext* context,
                                            grpc::ServerReader<v1::PutArtifactRequest>* reader,
                                            v1::PutArtifactResponse*) {
  return core_.gate.Call(*context, "WorkerService.PutArtifact", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(ReceiveArtifact(core_, *reader)); });
}

grpc::Status WorkerServiceImpl::Finish(grpc::ServerContext* context, const v1::FinishRequest* request,
                                       v1::FinishResponse*) {
  return core_.gate.Call(*context, "WorkerService.Finish", CallKind::kWorker,
                         [&](const Caller&) { return NameStale(End(core_, *request)); });
}

}  // namespace normlab::server
