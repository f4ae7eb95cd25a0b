#include "server/tensorboard/tensorboard_service.h"

#include <fmt/format.h>

#include "server/tensorboard/hparams.h"
#include "server/tensorboard/images.h"
#include "server/tensorboard/query.h"
#include "server/tensorboard/runs.h"
#include "server/tensorboard/scalars.h"
#include "tensorboard/data_provider.grpc.pb.h"

namespace normlab::server {
namespace {

namespace tb = ::tensorboard::data;

absl::StatusOr<std::vector<Run>> RunsOf(Core& core, const Caller& caller, const std::string& experiment_id) {
  std::vector<FieldViolation> violations;
  const Query query{.jobs = ReadExperimentId(experiment_id, violations), .plugin = ""};
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return SelectRuns(core, caller, query);
}

absl::Status DescribeExperiment(Core& core, const Caller& caller, const std::string& id,
                                tb::GetExperimentResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Run> runs, RunsOf(core, caller, id));
  response.set_data_location("normlabd");
  response.set_name(id.empty() ? "every job" : id);
  if (runs.size() == kMostRuns) {
    response.set_description(fmt::format("The newest {} runs.", kMostRuns));
  }
  if (!runs.empty()) {
    response.mutable_creation_time()->set_seconds(runs.back().job.created_ms / 1000);
  }
  return absl::OkStatus();
}

absl::Status ListPlugins(Core& core, const Caller& caller, const std::string& id, tb::ListPluginsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Run> runs, RunsOf(core, caller, id));
  if (runs.empty()) {
    return absl::OkStatus();
  }
  response.add_plugins()->set_name(kScalars);
  response.add_plugins()->set_name(kHparams);
  NORMLAB_ASSIGN_OR_RETURN(const bool images, HaveImages(core, caller, runs));
  if (images) {
    response.add_plugins()->set_name(kImages);
  }
  return absl::OkStatus();
}

absl::Status ListRuns(Core& core, const Caller& caller, const std::string& id, tb::ListRunsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Run> runs, RunsOf(core, caller, id));
  for (const Run& run : runs) {
    tb::Run& wire = *response.add_runs();
    wire.set_name(run.name);
    wire.set_start_time(Seconds(run.job.started_ms));
  }
  return absl::OkStatus();
}

class TensorboardServiceImpl final : public tb::TensorBoardDataProvider::Service {
 public:
  explicit TensorboardServiceImpl(Core& core) : core_(core) {}

  grpc::Status GetExperiment(grpc::ServerContext* context, const tb::GetExperimentRequest* request,
                             tb::GetExperimentResponse* response) override {
    return Call(*context, "GetExperiment", [&](const Caller& caller) {
      return DescribeExperiment(core_, caller, request->experiment_id(), *response);
    });
  }
  grpc::Status ListPlugins(grpc::ServerContext* context, const tb::ListPluginsRequest* request,
                           tb::ListPluginsResponse* response) override {
    return Call(*context, "ListPlugins", [&](const Caller& caller) {
      return server::ListPlugins(core_, caller, request->experiment_id(), *response);
    });
  }
  grpc::Status ListRuns(grpc::ServerContext* context, const tb::ListRunsRequest* request,
                        tb::ListRunsResponse* response) override {
    return Call(*context, "ListRuns", [&](const Caller& caller) {
      return server::ListRuns(core_, caller, request->experiment_id(), *response);
    });
  }
  grpc::Status ListScalars(grpc::ServerContext* context, const tb::ListScalarsRequest* request,
                           tb::ListScalarsResponse* response) override {
    return Answer(*context, "ListScalars", kScalars, *request, *response, server::ListScalars);
  }
  grpc::Status ReadScalars(grpc::ServerContext* context, const tb::ReadScalarsRequest* request,
                           tb::ReadScalarsResponse* response) override {
    return Answer(*context, "ReadScalars", kScalars, *request, *response, server::ReadScalars);
  }
  grpc::Status ListTensors(grpc::ServerContext* context, const tb::ListTensorsRequest* request,
                           tb::ListTensorsResponse* response) override {
    return Answer(*context, "ListTensors", kHparams, *request, *response, server::ListTensors);
  }
  grpc::Status ReadTensors(grpc::ServerContext* context, const tb::ReadTensorsRequest* request,
                           tb::ReadTensorsResponse* response) override {
    return Answer(*context, "ReadTensors", kHparams, *request, *response, server::ReadTensors);
  }
  grpc::Status ListBlobSequences(grpc::ServerContext* context, const tb::ListBlobSequencesRequest* request,
                                 tb::ListBlobSequencesResponse* response) override {
    return Answer(*context, "ListBlobSequences", kImages, *request, *response, ListImages);
  }
  grpc::Status ReadBlobSequences(grpc::ServerContext* context, const tb::ReadBlobSequencesRequest* request,
                                 tb::ReadBlobSequencesResponse* response) override {
    return Answer(*context, "ReadBlobSequences", kImages, *request, *response, ReadImages);
  }
  grpc::Status ReadBlob(grpc::ServerContext* context, const tb::ReadBlobRequest* request,
                        grpc::ServerWriter<tb::ReadBlobResponse>* writer) override {
    return Call(*context, "ReadBlob", [&](const Caller&) { return SendBlob(core_, *request, *writer); });
  }

 private:
  grpc::Status Call(grpc::ServerContext& context, std::string_view method, const Gate::Body& body) {
    return core_.gate.Call(context, fmt::format("{}.{}", tb::TensorBoardDataProvider::service_full_name(), method),
                           CallKind::kRead, body);
  }

  // `answer` is asked for the data of one plugin; others have none here.
  template <typename Request, typename Response>
  grpc::Status Answer(grpc::ServerContext& context, std::string_view method, std::string_view plugin,
                      const Request& request, Response& response,
                      absl::Status (*answer)(Core&, const Caller&, const Query&, Response&)) {
    return Call(context, method, [&](const Caller& caller) -> absl::Status {
      NORMLAB_ASSIGN_OR_RETURN(const Query query, ReadQuery(request));
      return query.plugin == plugin ? answer(core_, caller, query, response) : absl::OkStatus();
    });
  }

  Core& core_;
};

}  // namespace

Hosted HostTensorboard(Core& core) {
  return {tb::TensorBoardDataProvider::service_full_name(), std::make_unique<TensorboardServiceImpl>(core)};
}

}  // namespace normlab::server
