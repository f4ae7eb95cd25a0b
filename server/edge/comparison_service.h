// comparison_service.h - any jobs side by side: read from the store, grouped and rendered by results/judging.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/comparison.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class ComparisonServiceImpl final : public v1::ComparisonService::Service {
 public:
  explicit ComparisonServiceImpl(Core& core) : core_(core) {}

  grpc::Status CompareJobs(grpc::ServerContext* context, const v1::CompareJobsRequest* request,
                           grpc::ServerWriter<v1::CompareJobsResponse>* writer) override;
  grpc::Status PlotJobs(grpc::ServerContext* context, const v1::PlotJobsRequest* request,
                        grpc::ServerWriter<v1::PlotJobsResponse>* writer) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
