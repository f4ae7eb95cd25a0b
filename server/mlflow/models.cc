#include "server/mlflow/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "results/store/external_runs.h"
#include "server/edge/errors.h"
#include "server/mlflow/checks.h"
#include "server/mlflow/filter.h"
#include "server/mlflow/notes.h"
#include "server/mlflow/pairs.h"
#include "server/mlflow/runs.h"

namespace normlab::server {
namespace {

std::string NewModelId() {
  std::random_device random;
  return fmt::format("m-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

void Set(const mlflow::Pair& pair, Pairs& pairs) {
  const auto known =
      std::find_if(pairs.begin(), pairs.end(), [&pair](const mlflow::Pair& old) { return old.key() == pair.key(); });
  *(known == pairs.end() ? pairs.Add() : &*known) = pair;
}

absl::Status Store(Core& core, store::JobId run, const mlflow::LoggedModel& model) {
  store::RunChange change;
  SetNote(kLoggedModelNote, model.info().model_id(), model, change);
  return core.store.external().Change(run, change);
}

struct Found {
  store::JobId run = 0;
  mlflow::LoggedModel model;
};

absl::StatusOr<Found> Find(Core& core, const std::string& id) {
  NORMLAB_ASSIGN_OR_RETURN(const auto note, core.store.external().FindNote(kLoggedModelNote, id));
  Found found{.run = note.first, .model = {}};
  NORMLAB_RETURN_IF_ERROR(ReadNote(note.second, found.model));
  return found;
}

// The model as `change` leaves it, stored.
absl::StatusOr<mlflow::LoggedModel> Change(Core& core, const std::string& id,
                                           const std::function<void(mlflow::LoggedModel&)>& change) {
  NORMLAB_ASSIGN_OR_RETURN(Found found, Find(core, id));
  change(found.model);
  found.model.mutable_info()->set_last_updated_timestamp_ms(UnixMs());
  NORMLAB_RETURN_IF_ERROR(Store(core, found.run, found.model));
  return std::move(found.model);
}

Value ValueOf(const mlflow::LoggedModel& model, const Subject& subject) {
  const mlflow::LoggedModelInfo& info = model.info();
  if (subject.of == Subject::Of::kTag) {
    return FindPair(info.tags(), subject.key);
  }
  if (subject.of == Subject::Of::kParam) {
    return FindPair(model.data().params(), subject.key);
  }
  if (subject.of == Subject::Of::kMetric) {
    return {};  // they are the run's
  }
  const std::map<std::string_view, Value> attributes = {
      {"name", info.name()},
      {"model_id", info.model_id()},
      {"model_type", info.model_type()},
      {"status", mlflow::LoggedModelStatus_Name(info.status())},
      {"source_run_id", info.source_run_id()},
      {"creation_timestamp", static_cast<double>(info.creation_timestamp_ms())},
      {"last_updated_timestamp", static_cast<double>(info.last_updated_timestamp_ms())}};
  return attributes.at(subject.key);
}

}  // namespace

absl::Status CreateLoggedModel(Core& core, const mlflow::CreateLoggedModelRequest& request,
                               mlflow::CreateLoggedModelResponse& response) {
  if (request.source_run_id().empty()) {
    return BadField("source_run_id",
                    "is empty; expected a run: the files of a model are kept with the run that made it, "
                    "so log it inside mlflow.start_run()");
  }
  std::vector<FieldViolation> violations;
  ReadTags(request.tags(), violations);
  if (!request.name().empty()) {
    CheckSize(request.name(), kMaxRunName, "name", violations);
  }
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const RunView run, LoadRun(core, request.source_run_id()));
  mlflow::LoggedModel model;
  mlflow::LoggedModelInfo& info = *model.mutable_info();
  info.set_model_id(NewModelId());
  info.set_experiment_id(ExperimentIdOf(run.job));
  info.set_name(request.name().empty() ? info.model_id() : request.name());
  info.set_creation_timestamp_ms(UnixMs());
  info.set_last_updated_timestamp_ms(info.creation_timestamp_ms());
  info.set_artifact_uri(fmt::format("{}/models/{}", ArtifactUri(run.job.id), info.model_id()));
  info.set_status(mlflow::LOGGED_MODEL_PENDING);
  info.set_model_type(request.model_type());
  info.set_source_run_id(request.source_run_id());
  *info.mutable_tags() = request.tags();
  *model.mutable_data()->mutable_params() = request.params();
  NORMLAB_RETURN_IF_ERROR(Store(core, run.job.id, model));
  *response.mutable_model() = std::move(model);
  return absl::OkStatus();
}

absl::Status GetLoggedModel(Core& core, const mlflow::GetLoggedModelRequest& request,
                            mlflow::GetLoggedModelResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(Found found, Find(core, request.model_id()));
  *response.mutable_model() = std::move(found.model);
  return absl::OkStatus();
}

absl::Status FinalizeLoggedModel(Core& core, const mlflow::FinalizeLoggedModelRequest& request,
                                 mlflow::FinalizeLoggedModelResponse& response) {
  if (request.status() != mlflow::LOGGED_MODEL_READY && request.status() != mlflow::LOGGED_MODEL_UPLOAD_FAILED) {
    return BadField("status", fmt::format("is {}; expected LOGGED_MODEL_READY or LOGGED_MODEL_UPLOAD_FAILED",
                                          mlflow::LoggedModelStatus_Name(request.status())));
  }
  NORMLAB_ASSIGN_OR_RETURN(*response.mutable_model(),
                           Change(core, request.model_id(), [&request](mlflow::LoggedModel& model) {
                             model.mutable_info()->set_status(request.status());
                           }));
  return absl::OkStatus();
}

absl::Status SetLoggedModelTags(Core& core, const mlflow::SetLoggedModelTagsRequest& request,
                                mlflow::SetLoggedModelTagsResponse& response) {
  std::vector<FieldViolation> violations;
  ReadTags(request.tags(), violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(*response.mutable_model(),
                           Change(core, request.model_id(), [&request](mlflow::LoggedModel& model) {
                             for (const mlflow::Pair& tag : request.tags()) {
                               Set(tag, *model.mutable_info()->mutable_tags());
                             }
                           }));
  return absl::OkStatus();
}

absl::Status SearchLoggedModels(Core& core, const mlflow::SearchLoggedModelsRequest& request,
                                mlflow::SearchLoggedModelsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const auto clauses, ParseFilter(request.filter(), ModelAttributes(), "filter"));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> notes, core.store.external().AllNotes(kLoggedModelNote));
  const auto& experiments = request.experiment_ids();
  for (const std::string& note : notes) {
    mlflow::LoggedModel model;
    NORMLAB_RETURN_IF_ERROR(ReadNote(note, model));
    const auto lookup = [&model](const Subject& subject) { return ValueOf(model, subject); };
    if (std::find(experiments.begin(), experiments.end(), model.info().experiment_id()) != experiments.end() &&
        Matches(clauses, lookup)) {
      *response.add_models() = std::move(model);
    }
  }
  std::sort(response.mutable_models()->begin(), response.mutable_models()->end(), [](const auto& a, const auto& b) {
    return a.info().creation_timestamp_ms() > b.info().creation_timestamp_ms();
  });
  return absl::OkStatus();
}

absl::Status LogLoggedModelParams(Core& core, const mlflow::LogLoggedModelParamsRequest& request) {
  return Change(core, request.model_id(),
                [&request](mlflow::LoggedModel& model) {
                  for (const mlflow::Pair& param : request.params()) {
                    Set(param, *model.mutable_data()->mutable_params());
                  }
                })
      .status();
}

}  // namespace normlab::server
