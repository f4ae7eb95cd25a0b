#include "server/mlflow/tracking_service.h"

#include <fmt/format.h>

#include <utility>

#include "mlflow/service.grpc.pb.h"
#include "server/mlflow/changes.h"
#include "server/mlflow/experiments.h"
#include "server/mlflow/files.h"
#include "server/mlflow/history.h"
#include "server/mlflow/models.h"
#include "server/mlflow/runs.h"
#include "server/mlflow/search.h"

namespace normlab::server {
namespace {

using grpc::ServerContext;
using grpc::ServerReader;
using grpc::ServerWriter;
using grpc::Status;

class TrackingServiceImpl final : public mlflow::TrackingService::Service {
 public:
  explicit TrackingServiceImpl(Core& core) : core_(core) {}

  Status CreateExperiment(ServerContext* context, const mlflow::CreateExperimentRequest* request,
                          mlflow::CreateExperimentResponse* response) override {
    return Call(*context, "CreateExperiment", CallKind::kShort,
                [&](const Caller&) { return server::CreateExperiment(core_, *request, *response); });
  }
  Status GetExperiment(ServerContext* context, const mlflow::GetExperimentRequest* request,
                       mlflow::GetExperimentResponse* response) override {
    return Call(*context, "GetExperiment", CallKind::kShort, [&](const Caller&) -> absl::Status {
      NORMLAB_ASSIGN_OR_RETURN(*response->mutable_experiment(), FindExperiment(core_, request->experiment_id()));
      return absl::OkStatus();
    });
  }
  Status GetExperimentByName(ServerContext* context, const mlflow::GetExperimentByNameRequest* request,
                             mlflow::GetExperimentResponse* response) override {
    return Call(*context, "GetExperimentByName", CallKind::kShort, [&](const Caller&) -> absl::Status {
      NORMLAB_ASSIGN_OR_RETURN(*response->mutable_experiment(),
                               FindExperimentByName(core_, request->experiment_name()));
      return absl::OkStatus();
    });
  }
  Status SearchExperiments(ServerContext* context, const mlflow::SearchExperimentsRequest* request,
                           mlflow::SearchExperimentsResponse* response) override {
    return Call(*context, "SearchExperiments", CallKind::kRead,
                [&](const Caller&) { return server::SearchExperiments(core_, *request, *response); });
  }
  Status SetExperimentTag(ServerContext* context, const mlflow::SetExperimentTagRequest* request,
                          mlflow::SetExperimentTagResponse*) override {
    return Call(*context, "SetExperimentTag", CallKind::kShort,
                [&](const Caller&) { return server::SetExperimentTag(core_, *request); });
  }
  Status CreateRun(ServerContext* context, const mlflow::CreateRunRequest* request,
                   mlflow::CreateRunResponse* response) override {
    return Call(*context, "CreateRun", CallKind::kShort,
                [&](const Caller&) { return server::CreateRun(core_, *request, *response); });
  }
  Status GetRun(ServerContext* context, const mlflow::GetRunRequest* request,
                mlflow::GetRunResponse* response) override {
    return Call(*context, "GetRun", CallKind::kRead, [&](const Caller&) -> absl::Status {
      NORMLAB_ASSIGN_OR_RETURN(RunView run, LoadRun(core_, request->run_id(), request->run_uuid()));
      return ToWire(core_, std::move(run), *response->mutable_run());
    });
  }
  Status UpdateRun(ServerContext* context, const mlflow::UpdateRunRequest* request,
                   mlflow::UpdateRunResponse* response) override {
    return Call(*context, "UpdateRun", CallKind::kShort,
                [&](const Caller&) { return server::UpdateRun(core_, *request, *response); });
  }
  Status DeleteRun(ServerContext* context, const mlflow::DeleteRunRequest* request,
                   mlflow::DeleteRunResponse*) override {
    return Call(*context, "DeleteRun", CallKind::kShort,
                [&](const Caller&) { return SetRemoved(core_, request->run_id(), true); });
  }
  Status RestoreRun(ServerContext* context, const mlflow::RestoreRunRequest* request,
                    mlflow::RestoreRunResponse*) override {
    return Call(*context, "RestoreRun", CallKind::kShort,
                [&](const Caller&) { return SetRemoved(core_, request->run_id(), false); });
  }
  Status SearchRuns(ServerContext* context, const mlflow::SearchRunsRequest* request,
                    mlflow::SearchRunsResponse* response) override {
    return Call(*context, "SearchRuns", CallKind::kRead,
                [&](const Caller& caller) { return server::SearchRuns(core_, caller, *request, *response); });
  }
  Status LogMetric(ServerContext* context, const mlflow::LogMetricRequest* request,
                   mlflow::LogMetricResponse*) override {
    return Call(*context, "LogMetric", CallKind::kShort,
                [&](const Caller&) { return server::LogMetric(core_, *request); });
  }
  Status LogParam(ServerContext* context, const mlflow::LogParamRequest* request, mlflow::LogParamResponse*) override {
    return Call(*context, "LogParam", CallKind::kShort,
                [&](const Caller&) { return server::LogParam(core_, *request); });
  }
  Status SetTag(ServerContext* context, const mlflow::SetTagRequest* request, mlflow::SetTagResponse*) override {
    return Call(*context, "SetTag", CallKind::kShort, [&](const Caller&) { return server::SetTag(core_, *request); });
  }
  Status DeleteTag(ServerContext* context, const mlflow::DeleteTagRequest* request,
                   mlflow::DeleteTagResponse*) override {
    return Call(*context, "DeleteTag", CallKind::kShort,
                [&](const Caller&) { return server::DeleteTag(core_, *request); });
  }
  Status LogBatch(ServerContext* context, const mlflow::LogBatchRequest* request, mlflow::LogBatchResponse*) override {
    return Call(*context, "LogBatch", CallKind::kShort,
                [&](const Caller&) { return server::LogBatch(core_, *request); });
  }
  Status LogInputs(ServerContext* context, const mlflow::LogInputsRequest* request,
                   mlflow::LogInputsResponse*) override {
    return Call(*context, "LogInputs", CallKind::kShort,
                [&](const Caller&) { return server::LogInputs(core_, *request); });
  }
  Status LogOutputs(ServerContext* context, const mlflow::LogOutputsRequest* request,
                    mlflow::LogOutputsResponse*) override {
    return Call(*context, "LogOutputs", CallKind::kShort,
                [&](const Caller&) { return server::LogOutputs(core_, *request); });
  }
  Status GetMetricHistory(ServerContext* context, const mlflow::GetMetricHistoryRequest* request,
                          mlflow::GetMetricHistoryResponse* response) override {
    return Call(*context, "GetMetricHistory", CallKind::kRead,
                [&](const Caller&) { return server::GetMetricHistory(core_, *request, *response); });
  }
  Status CreateLoggedModel(ServerContext* context, const mlflow::CreateLoggedModelRequest* request,
                           mlflow::CreateLoggedModelResponse* response) override {
    return Call(*context, "CreateLoggedModel", CallKind::kShort,
                [&](const Caller&) { return server::CreateLoggedModel(core_, *request, *response); });
  }
  Status GetLoggedModel(ServerContext* context, const mlflow::GetLoggedModelRequest* request,
                        mlflow::GetLoggedModelResponse* response) override {
    return Call(*context, "GetLoggedModel", CallKind::kShort,
                [&](const Caller&) { return server::GetLoggedModel(core_, *request, *response); });
  }
  Status FinalizeLoggedModel(ServerContext* context, const mlflow::FinalizeLoggedModelRequest* request,
                             mlflow::FinalizeLoggedModelResponse* response) override {
    return Call(*context, "FinalizeLoggedModel", CallKind::kShort,
                [&](const Caller&) { return server::FinalizeLoggedModel(core_, *request, *response); });
  }
  Status SetLoggedModelTags(ServerContext* context, const mlflow::SetLoggedModelTagsRequest* request,
                            mlflow::SetLoggedModelTagsResponse* response) override {
    return Call(*context, "SetLoggedModelTags", CallKind::kShort,
                [&](const Caller&) { return server::SetLoggedModelTags(core_, *request, *response); });
  }
  Status LogLoggedModelParams(ServerContext* context, const mlflow::LogLoggedModelParamsRequest* request,
                              mlflow::LogLoggedModelParamsResponse*) override {
    return Call(*context, "LogLoggedModelParams", CallKind::kShort,
                [&](const Caller&) { return server::LogLoggedModelParams(core_, *request); });
  }
  Status SearchLoggedModels(ServerContext* context, const mlflow::SearchLoggedModelsRequest* request,
                            mlflow::SearchLoggedModelsResponse* response) override {
    return Call(*context, "SearchLoggedModels", CallKind::kRead,
                [&](const Caller&) { return server::SearchLoggedModels(core_, *request, *response); });
  }
  Status ListArtifacts(ServerContext* context, const mlflow::ListArtifactsRequest* request,
                       mlflow::ListArtifactsResponse* response) override {
    return Call(*context, "ListArtifacts", CallKind::kRead,
                [&](const Caller&) { return server::ListArtifacts(core_, *request, *response); });
  }
  Status ListFiles(ServerContext* context, const mlflow::ListFilesRequest* request,
                   mlflow::ListFilesResponse* response) override {
    return Call(*context, "ListFiles", CallKind::kRead,
                [&](const Caller&) { return server::ListFiles(core_, *request, *response); });
  }
  Status GetServerInfo(ServerContext* context, const mlflow::GetServerInfoRequest*,
                       mlflow::GetServerInfoResponse* response) override {
    return Call(*context, "GetServerInfo", CallKind::kShort, [&](const Caller&) -> absl::Status {
      response->set_store_type("normlab");
      return absl::OkStatus();
    });
  }
  Status ReadFile(ServerContext* context, const mlflow::ReadFileRequest* request,
                  ServerWriter<mlflow::ReadFileResponse>* writer) override {
    return Call(*context, "ReadFile", CallKind::kRead,
                [&](const Caller&) { return SendFile(core_, *request, *writer); });
  }
  Status WriteFile(ServerContext* context, ServerReader<mlflow::WriteFileRequest>* reader,
                   mlflow::WriteFileResponse*) override {
    return Call(*context, "WriteFile", CallKind::kRead, [&](const Caller&) { return ReceiveFile(core_, *reader); });
  }

 private:
  Status Call(ServerContext& context, std::string_view method, CallKind kind, const Gate::Body& body) {
    return core_.gate.Call(context, fmt::format("{}.{}", mlflow::TrackingService::service_full_name(), method), kind,
                           body);
  }

  Core& core_;
};

}  // namespace

Hosted HostTracking(Core& core) {
  return {mlflow::TrackingService::service_full_name(), std::make_unique<TrackingServiceImpl>(core)};
}

}  // namespace normlab::server
