// import_service.h - ImportService over the store. See proto/normlab/v1/imports.proto.
//
// Thread safety: all methods, any thread of gRPC.
#pragma once

#include "normlab/v1/imports.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class ImportServiceImpl final : public v1::ImportService::Service {
 public:
  explicit ImportServiceImpl(Core& core) : core_(core) {}

  grpc::Status ImportJob(grpc::ServerContext* context, grpc::ServerReader<v1::ImportJobRequest>* reader,
                         v1::ImportJobResponse* response) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
