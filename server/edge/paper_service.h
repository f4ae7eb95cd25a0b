// paper_service.h - papers over the store: which runs a table needs, and tables and figures from what is stored.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/papers.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class PaperServiceImpl final : public v1::PaperService::Service {
 public:
  explicit PaperServiceImpl(Core& core) : core_(core) {}

  grpc::Status ListPapers(grpc::ServerContext* context, const v1::ListPapersRequest* request,
                          v1::ListPapersResponse* response) override;
  grpc::Status PlanReproduction(grpc::ServerContext* context, const v1::PlanReproductionRequest* request,
                                v1::PlanReproductionResponse* response) override;
  grpc::Status GetTable(grpc::ServerContext* context, const v1::GetTableRequest* request,
                        grpc::ServerWriter<v1::GetTableResponse>* writer) override;
  grpc::Status GetFigure(grpc::ServerContext* context, const v1::GetFigureRequest* request,
                         grpc::ServerWriter<v1::GetFigureResponse>* writer) override;
  grpc::Status GetReport(grpc::ServerContext* context, const v1::GetReportRequest* request,
                         grpc::ServerWriter<v1::GetReportResponse>* writer) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
