// worker_service.h - WorkerService over the store and the lease table. See proto/normlab/v1/worker.proto.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/worker.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class WorkerServiceImpl final : public v1::WorkerService::Service {
 public:
  explicit WorkerServiceImpl(Core& core) : core_(core) {}

  grpc::Status Lease(grpc::ServerContext* context, const v1::LeaseRequest* request,
                     v1::LeaseResponse* response) override;
  grpc::Status Start(grpc::ServerContext* context, const v1::StartRequest* request,
                     v1::StartResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const v1::HeartbeatRequest* request,
                         v1::HeartbeatResponse* response) override;
  grpc::Status AwaitOrder(grpc::ServerContext* context, const v1::AwaitOrderRequest* request,
                          v1::AwaitOrderResponse* response) override;
  grpc::Status AppendPoints(grpc::ServerContext* context, const v1::AppendPointsRequest* request,
                            v1::AppendPointsResponse* response) override;
  grpc::Status PutCheckpoint(grpc::ServerContext* context, grpc::ServerReader<v1::PutCheckpointRequest>* reader,
                             v1::PutCheckpointResponse* response) override;
  grpc::Status GetCheckpoint(grpc::ServerContext* context, const v1::GetCheckpointRequest* request,
                             grpc::ServerWriter<v1::GetCheckpointResponse>* writer) override;
  grpc::Status PutArtifact(grpc::ServerContext* context, grpc::ServerReader<v1::PutArtifactRequest>* reader,
                           v1::PutArtifactResponse* response) override;
  grpc::Status Finish(grpc::ServerContext* context, const v1::FinishRequest* request,
                      v1::FinishResponse* response) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
