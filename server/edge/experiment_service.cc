#include "server/edge/experiment_service.h"

#include "proto/catalog.h"

namespace normlab::server {

grpc::Status ExperimentServiceImpl::ListExperiments(grpc::ServerContext* context, const v1::ListExperimentsRequest*,
                                                    v1::ListExperimentsResponse* response) {
  return core_.gate.Call(*context, "ExperimentService.ListExperiments", CallKind::kShort, [&](const Caller&) {
    for (v1::Experiment& experiment : ExperimentCatalog()) {
      *response->add_experiments() = std::move(experiment);
    }
    return absl::OkStatus();
  });
}

grpc::Status ExperimentServiceImpl::DescribeExperiment(grpc::ServerContext* context,
                                                       const v1::DescribeExperimentRequest* request,
                                                       v1::DescribeExperimentResponse* response) {
  return core_.gate.Call(
      *context, "ExperimentService.DescribeExperiment", CallKind::kShort, [&](const Caller&) -> absl::Status {
        NORMLAB_ASSIGN_OR_RETURN(*response->mutable_experiment(), normlab::DescribeExperiment(request->name()));
        return absl::OkStatus();
      });
}

}  // namespace normlab::server
