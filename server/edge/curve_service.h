// curve_service.h - CurveService over the store. See proto/normlab/v1/curves.proto.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/curves.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class CurveServiceImpl final : public v1::CurveService::Service {
 public:
  explicit CurveServiceImpl(Core& core) : core_(core) {}

  grpc::Status ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest* request,
                          v1::ListSeriesResponse* response) override;
  grpc::Status ReadCurve(grpc::ServerContext* context, const v1::ReadCurveRequest* request,
                         grpc::ServerWriter<v1::ReadCurveResponse>* writer) override;
  grpc::Status WatchCurves(grpc::ServerContext* context, const v1::WatchCurvesRequest* request,
                           grpc::ServerWriter<v1::WatchCurvesResponse>* writer) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
