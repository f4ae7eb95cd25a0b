// experiment_service.h - the catalogue of experiments and their fields, from the field options. Reads no store.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/catalog.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class ExperimentServiceImpl final : public v1::ExperimentService::Service {
 public:
  explicit ExperimentServiceImpl(Core& core) : core_(core) {}

  grpc::Status ListExperiments(grpc::ServerContext* context, const v1::ListExperimentsRequest* request,
                               v1::ListExperimentsResponse* response) override;
  grpc::Status DescribeExperiment(grpc::ServerContext* context, const v1::DescribeExperimentRequest* request,
                                  v1::DescribeExperimentResponse* response) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
