#include "server/mlflow/changes.h"

#include <fmt/format.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proto/spec_text.h"
#include "results/store/external_runs.h"
#include "server/edge/errors.h"
#include "server/mlflow/checks.h"
#include "server/mlflow/experiments.h"
#include "server/mlflow/notes.h"
#include "server/mlflow/runs.h"

namespace normlab::server {
namespace {

constexpr int kMostInputs = 1000;

// Stores `change` unless something in it is wrong.
absl::Status Apply(Core& core, std::string_view run_id, std::string_view run_uuid, const store::RunChange& change,
                   const std::vector<FieldViolation>& violations) {
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::JobId run, ReadRunId(run_id, run_uuid));
  return core.store.external().Change(run, change);
}

absl::StatusOr<store::JobState> ReadStatus(mlflow::RunStatus status) {
  switch (status) {
    case mlflow::RUNNING:
    case mlflow::SCHEDULED:  // its program will run it; nobody here will
      return store::JobState::kRunning;
    case mlflow::FINISHED:
      return store::JobState::kSucceeded;
    case mlflow::FAILED:
      return store::JobState::kFailed;
    case mlflow::KILLED:
      return store::JobState::kCancelled;
    default:
      return BadField("status", fmt::format("is {}; expected RUNNING, SCHEDULED, FINISHED, FAILED or KILLED",
                                            static_cast<int>(status)));
  }
}

std::string RandomName() { return fmt::format("run-{:08x}", std::random_device()()); }

void CheckTime(std::int64_t ms, const char* field, std::vector<FieldViolation>& violations) {
  if (ms < 0) {
    violations.push_back({field, fmt::format("is {}; expected milliseconds since 1970", ms)});
  }
}

}  // namespace

absl::Status CreateRun(Core& core, const mlflow::CreateRunRequest& request, mlflow::CreateRunResponse& response) {
  std::vector<FieldViolation> violations;
  store::RunChange said;
  AddTags(request.tags(), said, violations);
  CheckTime(request.start_time(), "start_time", violations);
  if (!request.run_name().empty()) {
    CheckSize(request.run_name(), kMaxRunName, "run_name", violations);
    said.set_tags[store::kRunNameTag] = request.run_name();
  }
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  said.set_tags.emplace(store::kRunNameTag, RandomName());
  if (!request.user_id().empty()) {
    said.set_tags.emplace(store::kUserTag, request.user_id());
  }
  store::NewExternalRun run{.experiment = 0,
                            .started_ms = request.start_time(),
                            .labels = std::move(said.set_labels),
                            .tags = std::move(said.set_tags)};
  NORMLAB_ASSIGN_OR_RETURN(run.experiment, ReadExperimentId(request.experiment_id()));
  NORMLAB_ASSIGN_OR_RETURN(store::Job made, core.store.external().CreateRun(run));
  return ToWire(core, MakeRunView(std::move(made)), *response.mutable_run());
}

absl::Status UpdateRun(Core& core, const mlflow::UpdateRunRequest& request, mlflow::UpdateRunResponse& response) {
  std::vector<FieldViolation> violations;
  store::RunChange change;
  if (request.status() != mlflow::RUN_STATUS_UNSPECIFIED) {
    NORMLAB_ASSIGN_OR_RETURN(change.state, ReadStatus(request.status()));
  }
  if (request.has_end_time()) {
    CheckTime(request.end_time(), "end_time", violations);
    change.finished_ms = request.end_time();
  }
  if (!request.run_name().empty()) {
    CheckSize(request.run_name(), kMaxRunName, "run_name", violations);
    change.set_tags[store::kRunNameTag] = request.run_name();
  }
  NORMLAB_RETURN_IF_ERROR(Apply(core, request.run_id(), request.run_uuid(), change, violations));
  NORMLAB_ASSIGN_OR_RETURN(const RunView run, LoadRun(core, request.run_id(), request.run_uuid()));
  ToWire(run, *response.mutable_run_info());
  return absl::OkStatus();
}

absl::Status SetRemoved(Core& core, const std::string& run_id, bool removed) {
  store::RunChange change;
  change.removed = removed;
  return Apply(core, run_id, "", change, {});
}

absl::Status LogMetric(Core& core, const mlflow::LogMetricRequest& request) {
  std::vector<FieldViolation> violations;
  if (!request.has_value()) {
    violations.push_back({"value", "is missing; expected a number"});
  }
  if (!request.has_timestamp()) {
    violations.push_back({"timestamp", "is missing; expected milliseconds since 1970"});
  }
  mlflow::Metric metric;
  metric.set_key(request.key());
  metric.set_value(request.value());
  metric.set_timestamp(request.timestamp());
  metric.set_step(request.step());
  store::RunChange change;
  AddMetric(metric, "", change, violations);
  return Apply(core, request.run_id(), request.run_uuid(), change, violations);
}

absl::Status LogParam(Core& core, const mlflow::LogParamRequest& request) {
  std::vector<FieldViolation> violations;
  store::RunChange change;
  AddParam(request.key(), request.value(), "", change, violations);
  return Apply(core, request.run_id(), request.run_uuid(), change, violations);
}

absl::Status SetTag(Core& core, const mlflow::SetTagRequest& request) {
  std::vector<FieldViolation> violations;
  store::RunChange change;
  CheckTag(request.key(), request.value(), "", violations);
  AddTag(request.key(), request.value(), change);
  return Apply(core, request.run_id(), request.run_uuid(), change, violations);
}

absl::Status DeleteTag(Core& core, const mlflow::DeleteTagRequest& request) {
  NORMLAB_ASSIGN_OR_RETURN(const RunView run, LoadRun(core, request.run_id()));
  if (!run.tags.contains(request.key())) {
    return absl::NotFoundError(fmt::format("{} has no tag {}", request.run_id(), Shown(request.key())));
  }
  store::RunChange change;
  change.remove.push_back(request.key());
  return Apply(core, request.run_id(), "", change, {});
}

absl::Status LogBatch(Core& core, const mlflow::LogBatchRequest& request) {
  std::vector<FieldViolation> violations;
  const store::RunChange change = ReadBatch(request, violations);
  return Apply(core, request.run_id(), "", change, violations);
}

absl::Status LogInputs(Core& core, const mlflow::LogInputsRequest& request) {
  std::vector<FieldViolation> violations;
  store::RunChange change;
  if (request.datasets_size() + request.models_size() > kMostInputs) {
    violations.push_back({"datasets", fmt::format("and models have {} entries; expected at most {}",
                                                  request.datasets_size() + request.models_size(), kMostInputs)});
  }
  for (int i = 0; i < request.datasets_size(); ++i) {
    const mlflow::DatasetInput& input = request.datasets(i);
    CheckSize(input.dataset().name(), kMaxRunName, fmt::format("datasets[{}].dataset.name", i), violations);
    CheckSize(input.dataset().digest(), kMaxRunName, fmt::format("datasets[{}].dataset.digest", i), violations);
    SetNote(kDatasetNote, fmt::format("{} {}", input.dataset().name(), input.dataset().digest()), input, change);
  }
  for (const mlflow::ModelInput& model : request.models()) {
    SetNote(kModelInputNote, model.model_id(), model, change);
  }
  return Apply(core, request.run_id(), "", change, violations);
}

absl::Status LogOutputs(Core& core, const mlflow::LogOutputsRequest& request) {
  store::RunChange change;
  for (const mlflow::ModelOutput& model : request.models()) {
    SetNote(kModelOutputNote, model.model_id(), model, change);
  }
  return Apply(core, request.run_id(), "", change, {});
}

}  // namespace normlab::server
