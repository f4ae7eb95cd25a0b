#include "server/edge/artifact_service.h"

#include "server/edge/convert.h"
#include "server/edge/transfer.h"

namespace normlab::server {

grpc::Status ArtifactServiceImpl::ListArtifacts(grpc::ServerContext* context, const v1::ListArtifactsRequest* request,
                                                v1::ListArtifactsResponse* response) {
  return core_.gate.Call(
      *context, "ArtifactService.ListArtifacts", CallKind::kShort, [&](const Caller&) -> absl::Status {
        NORMLAB_ASSIGN_OR_RETURN(const store::JobId job, ReadJobId(request->job_id()));
        NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ArtifactInfo> all, core_.store.ListArtifacts(job));
        for (const store::ArtifactInfo& artifact : all) {
          ToWire(artifact, *response->add_artifacts());
        }
        return absl::OkStatus();
      });
}

grpc::Status ArtifactServiceImpl::ReadArtifact(grpc::ServerContext* context, const v1::ReadArtifactRequest* request,
                                               grpc::ServerWriter<v1::ReadArtifactResponse>* writer) {
  return core_.gate.Call(*context, "ArtifactService.ReadArtifact", CallKind::kRead,
                         [&](const Caller&) { return SendArtifact(core_, *request, *writer); });
}

grpc::Status ArtifactServiceImpl::ReadCheckpoint(grpc::ServerContext* context, const v1::ReadCheckpointRequest* request,
                                                 grpc::ServerWriter<v1::ReadCheckpointResponse>* writer) {
  return core_.gate.Call(*context, "ArtifactService.ReadCheckpoint", CallKind::kRead,
                         [&](const Caller&) { return SendCheckpoint(core_, *request, *writer); });
}

}  // namespace normlab::server
