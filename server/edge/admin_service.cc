#include "server/edge/admin_service.h"

#include <chrono>

#include "base/log.h"
#include "server/edge/collect_garbage.h"
#include "server/edge/manage_tokens.h"
#include "server/edge/read_audit.h"
#include "server/edge/server_status.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

constexpr std::chrono::milliseconds kPace{500};  // of messages that say how far something is

// Tells a stream's reader how far something is, now and then; ends it when the reader is gone or the server stops.
template <typename Response>
store::OnProgress TellProgress(Core& core, const Caller& caller, grpc::ServerWriter<Response>& writer) {
  return
      [&core, &caller, &writer, due = std::chrono::steady_clock::now()](const store::UpkeepProgress& progress) mutable {
        const auto now = std::chrono::steady_clock::now();
        if (now >= due) {
          due = now + kPace;
          Response response;
          response.mutable_progress()->set_done(progress.done);
          response.mutable_progress()->set_total(progress.total);
          if (!Send(response, writer).ok()) {
            return false;
          }
        }
        return !caller.cancelled() && !core.gate.draining();
      };
}

absl::Status Backup(Core& core, const v1::CreateBackupRequest& request, const Caller& caller,
                    grpc::ServerWriter<v1::CreateBackupResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(const Upkeep::MadeBackup made,
                           core.upkeep.Backup(request.keep(), TellProgress(core, caller, writer)));
  v1::CreateBackupResponse response;
  ToWire(core, made.backup, *response.mutable_backup());
  response.mutable_removed()->Assign(made.removed.begin(), made.removed.end());
  return Send(response, writer);
}

absl::Status Check(Core& core, const v1::CheckRequest& request, const Caller& caller,
                   grpc::ServerWriter<v1::CheckResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(const store::ScrubReport report,
                           core.upkeep.Check(request.backup(), TellProgress(core, caller, writer)));
  v1::CheckResponse response;
  v1::CheckResponse::Report& wire = *response.mutable_report();
  wire.set_bytes(report.bytes);
  wire.set_series(report.series);
  wire.set_files(report.files);
  wire.set_damaged(report.damaged);
  wire.mutable_damage()->Assign(report.damage.begin(), report.damage.end());
  return Send(response, writer);
}

}  // namespace

grpc::Status AdminServiceImpl::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                                         v1::GetStatusResponse* response) {
  return core_.gate.Call(*context, "AdminService.GetStatus", CallKind::kShort,
                         [&](const Caller&) { return FillStatus(core_, *response); });
}

grpc::Status AdminServiceImpl::GetMetrics(grpc::ServerContext* context, const v1::GetMetricsRequest*,
                                          v1::GetMetricsResponse* response) {
  return core_.gate.Call(*context, "AdminService.GetMetrics", CallKind::kShort, [&](const Caller&) -> absl::Status {
    v1::GetStatusResponse status;
    NORMLAB_RETURN_IF_ERROR(FillStatus(core_, status));
    response->set_content(OpenMetrics(status));
    response->set_media_type(kOpenMetricsType);
    return absl::OkStatus();
  });
}

grpc::Status AdminServiceImpl::Drain(grpc::ServerContext* context, const v1::DrainRequest* request,
                                     v1::DrainResponse* response) {
  return core_.gate.Call(
      *context, "AdminService.Drain", CallKind::kShort, {request, response}, [&](const Caller& caller) {
        core_.attempts.HoldBack(!request->off());
        Log(LogLevel::kInfo, request->off() ? "draining_ended" : "draining", {{"caller", caller.identity()}});
        response->set_working(CountWorking(core_.attempts.Workers()));
        return absl::OkStatus();
      });
}

grpc::Status AdminServiceImpl::CreateBackup(grpc::ServerContext* context, const v1::CreateBackupRequest* request,
                                            grpc::ServerWriter<v1::CreateBackupResponse>* writer) {
  return core_.gate.Call(*context, "AdminService.CreateBackup", CallKind::kRead, {request},
                         [&](const Caller& caller) { return Backup(core_, *request, caller, *writer); });
}

grpc::Status AdminServiceImpl::ListBackups(grpc::ServerContext* context, const v1::ListBackupsRequest*,
                                           v1::ListBackupsResponse* response) {
  return core_.gate.Call(*context, "AdminService.ListBackups", CallKind::kShort, [&](const Caller&) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::BackupInfo> backups, core_.upkeep.Backups());
    for (const store::BackupInfo& backup : backups) {
      ToWire(core_, backup, *response->add_backups());
    }
    return absl::OkStatus();
  });
}

grpc::Status AdminServiceImpl::Check(grpc::ServerContext* context, const v1::CheckRequest* request,
                                     grpc::ServerWriter<v1::CheckResponse>* writer) {
  return core_.gate.Call(*context, "AdminService.Check", CallKind::kRead,
                         [&](const Caller& caller) { return server::Check(core_, *request, caller, *writer); });
}

grpc::Status AdminServiceImpl::StartScrub(grpc::ServerContext* context, const v1::StartScrubRequest*,
                                          v1::StartScrubResponse*) {
  return core_.gate.Call(*context, "AdminService.StartScrub", CallKind::kShort,
                         [&](const Caller&) { return core_.upkeep.StartScrub(); });
}

grpc::Status AdminServiceImpl::CollectGarbage(grpc::ServerContext* context, const v1::CollectGarbageRequest* request,
                                              v1::CollectGarbageResponse* response) {
  return core_.gate.Call(
      *context, "AdminService.CollectGarbage", CallKind::kShort, {request, response},
      [&](const Caller& caller) { return server::CollectGarbage(core_, *request, caller, *response); });
}

grpc::Status AdminServiceImpl::CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                                           v1::CreateTokenResponse* response) {
  return core_.gate.Call(*context, "AdminService.CreateToken", CallKind::kShort, {request, response},
                         [&](const Caller&) { return server::CreateToken(core_.tokens, *request, *response); });
}

grpc::Status AdminServiceImpl::ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest*,
                                          v1::ListTokensResponse* response) {
  return core_.gate.Call(*context, "AdminService.ListTokens", CallKind::kShort,
                         [&](const Caller&) { return server::ListTokens(core_.tokens, *response); });
}

grpc::Status AdminServiceImpl::RotateToken(grpc::ServerContext* context, const v1::RotateTokenRequest* request,
                                           v1::RotateTokenResponse* response) {
  return core_.gate.Call(*context, "AdminService.RotateToken", CallKind::kShort, {request, response},
                         [&](const Caller&) { return server::RotateToken(core_.tokens, *request, *response); });
}

grpc::Status AdminServiceImpl::RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                                           v1::RevokeTokenResponse* response) {
  return core_.gate.Call(*context, "AdminService.RevokeToken", CallKind::kShort, {request, response},
                         [&](const Caller&) { return server::RevokeToken(core_.tokens, *request, *response); });
}

grpc::Status AdminServiceImpl::ReadAudit(grpc::ServerContext* context, const v1::ReadAuditRequest* request,
                                         grpc::ServerWriter<v1::ReadAuditResponse>* writer) {
  return core_.gate.Call(*context, "AdminService.ReadAudit", CallKind::kRead, [&](const Caller& caller) {
    return server::ReadAudit(core_.audit, *request, caller, *writer);
  });
}

}  // namespace normlab::server
