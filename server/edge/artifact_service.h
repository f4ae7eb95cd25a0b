// artifact_service.h - ArtifactService over the store. See proto/normlab/v1/artifacts.proto.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/artifacts.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class ArtifactServiceImpl final : public v1::ArtifactService::Service {
 public:
  explicit ArtifactServiceImpl(Core& core) : core_(core) {}

  grpc::Status ListArtifacts(grpc::ServerContext* context, const v1::ListArtifactsRequest* request,
                             v1::ListArtifactsResponse* response) override;
  grpc::Status ReadArtifact(grpc::ServerContext* context, const v1::ReadArtifactRequest* request,
                            grpc::ServerWriter<v1::ReadArtifactResponse>* writer) override;
  grpc::Status ReadCheckpoint(grpc::ServerContext* context, const v1::ReadCheckpointRequest* request,
                              grpc::ServerWriter<v1::ReadCheckpointResponse>* writer) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
