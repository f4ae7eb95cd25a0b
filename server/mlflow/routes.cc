#include "server/mlflow/routes.h"

#include <fmt/format.h>

#include <optional>

#include "mlflow/service.pb.h"
#include "proto/spec_text.h"

namespace normlab::server {
namespace {

struct Rule {
  std::string_view verb;
  std::string_view path;  // {name} is one part of it, {name...} all that is left
  const char* method;
};

constexpr Rule kRules[] = {{"POST", "/api/2.0/mlflow/experiments/create", "CreateExperiment"},
                           {"GET", "/api/2.0/mlflow/experiments/get", "GetExperiment"},
                           {"GET", "/api/2.0/mlflow/experiments/get-by-name", "GetExperimentByName"},
                           {"GET", "/api/2.0/mlflow/experiments/search", "SearchExperiments"},
                           {"POST", "/api/2.0/mlflow/experiments/search", "SearchExperiments"},
                           {"POST", "/api/2.0/mlflow/experiments/set-experiment-tag", "SetExperimentTag"},
                           {"POST", "/api/2.0/mlflow/runs/create", "CreateRun"},
                           {"GET", "/api/2.0/mlflow/runs/get", "GetRun"},
                           {"POST", "/api/2.0/mlflow/runs/update", "UpdateRun"},
                           {"POST", "/api/2.0/mlflow/runs/delete", "DeleteRun"},
                           {"POST", "/api/2.0/mlflow/runs/restore", "RestoreRun"},
                           {"POST", "/api/2.0/mlflow/runs/search", "SearchRuns"},
                           {"POST", "/api/2.0/mlflow/runs/log-metric", "LogMetric"},
                           {"POST", "/api/2.0/mlflow/runs/log-parameter", "LogParam"},
                           {"POST", "/api/2.0/mlflow/runs/set-tag", "SetTag"},
                           {"POST", "/api/2.0/mlflow/runs/delete-tag", "DeleteTag"},
                           {"POST", "/api/2.0/mlflow/runs/log-batch", "LogBatch"},
                           {"POST", "/api/2.0/mlflow/runs/log-inputs", "LogInputs"},
                           {"POST", "/api/2.0/mlflow/runs/outputs", "LogOutputs"},
                           {"GET", "/api/2.0/mlflow/metrics/get-history", "GetMetricHistory"},
                           {"POST", "/api/2.0/mlflow/logged-models", "CreateLoggedModel"},
                           {"POST", "/api/2.0/mlflow/logged-models/search", "SearchLoggedModels"},
                           {"GET", "/api/2.0/mlflow/logged-models/{model_id}", "GetLoggedModel"},
                           {"PATCH", "/api/2.0/mlflow/logged-models/{model_id}", "FinalizeLoggedModel"},
                           {"PATCH", "/api/2.0/mlflow/logged-models/{model_id}/tags", "SetLoggedModelTags"},
                           {"POST", "/api/2.0/mlflow/logged-models/{model_id}/params", "LogLoggedModelParams"},
                           {"GET", "/api/2.0/mlflow/artifacts/list", "ListArtifacts"},
                           {"GET", "/api/2.0/mlflow-artifacts/artifacts", "ListFiles"},
                           {"GET", "/api/2.0/mlflow-artifacts/artifacts/{path...}", "ReadFile"},
                           {"PUT", "/api/2.0/mlflow-artifacts/artifacts/{path...}", "WriteFile"},
                           {"GET", "/api/3.0/mlflow/server-info", "GetServerInfo"}};

// What a path says, if it is one of `pattern`.
std::optional<std::map<std::string, std::string>> Match(std::string_view pattern, std::string_view path) {
  std::map<std::string, std::string> fields;
  while (!pattern.empty()) {
    const std::size_t brace = pattern.find('{');
    if (brace == std::string_view::npos) {
      return pattern == path ? std::optional(fields) : std::nullopt;
    }
    if (path.substr(0, brace) != pattern.substr(0, brace)) {
      return std::nullopt;
    }
    path.remove_prefix(brace);
    const std::size_t end = pattern.find('}', brace);
    std::string_view name = pattern.substr(brace + 1, end - brace - 1);
    const bool rest = name.ends_with("...");
    name.remove_suffix(rest ? 3 : 0);
    const std::string_view value = rest ? path : path.substr(0, path.find('/'));
    if (value.empty()) {
      return std::nullopt;
    }
    fields[std::string(name)] = std::string(value);
    path.remove_prefix(value.size());
    pattern.remove_prefix(end + 1);
  }
  return path.empty() ? std::optional(fields) : std::nullopt;
}

}  // namespace

absl::StatusOr<MlflowRoute> FindMlflowRoute(std::string_view verb, std::string_view path) {
  const google::protobuf::ServiceDescriptor* service =
      mlflow::Run::descriptor()->file()->FindServiceByName("TrackingService");
  for (const Rule& rule : kRules) {
    if (rule.verb != verb) {
      continue;
    }
    if (auto fields = Match(rule.path, path)) {
      return MlflowRoute{.method = service->FindMethodByName(rule.method), .fields = *std::move(fields)};
    }
  }
  return absl::UnimplementedError(
      fmt::format("{} {}: this part of MLflow's API is not served by normlab; docs/MLFLOW.md says which is",
                  Shown(verb), Shown(path)));
}

}  // namespace normlab::server
