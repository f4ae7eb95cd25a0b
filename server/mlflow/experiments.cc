#include "server/mlflow/experiments.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/parse_number.h"
#include "base/text.h"
#include "proto/spec.h"
#include "proto/spec_text.h"
#include "results/store/external_runs.h"
#include "server/edge/errors.h"
#include "server/mlflow/checks.h"
#include "server/mlflow/filter.h"
#include "server/mlflow/paging.h"
#include "server/mlflow/pairs.h"

namespace normlab::server {
namespace {

constexpr int kMostExperiments = 50'000;  // as MLflow has it
constexpr std::string_view kActive = "active";

bool IsOurs(std::string_view name) {
  const std::vector<ExperimentInfo> all = Experiments();
  return std::any_of(all.begin(), all.end(), [name](const ExperimentInfo& info) { return info.name == name; });
}

mlflow::Experiment OfOurs(const ExperimentInfo& info) {
  mlflow::Experiment wire;
  wire.set_experiment_id(info.name);
  wire.set_name(info.name);
  wire.set_lifecycle_stage(std::string(kActive));
  AddPair("mlflow.note.content", info.summary, *wire.mutable_tags());
  return wire;
}

mlflow::Experiment OfTheirs(const store::ExternalExperiment& experiment) {
  mlflow::Experiment wire;
  wire.set_experiment_id(std::to_string(experiment.id));
  wire.set_name(experiment.name);
  wire.set_lifecycle_stage(std::string(kActive));
  wire.set_creation_time(experiment.created_ms);
  wire.set_last_update_time(experiment.created_ms);
  AddPairs(experiment.tags, *wire.mutable_tags());
  return wire;
}

template <typename Is>
absl::StatusOr<mlflow::Experiment> FindWhere(Core& core, std::string_view field, std::string_view wanted,
                                             const Is& is) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<mlflow::Experiment> all, AllExperiments(core));
  const auto found = std::find_if(all.begin(), all.end(), is);
  return found != all.end() ? absl::StatusOr<mlflow::Experiment>(std::move(*found))
                            : absl::NotFoundError(fmt::format("{} is {}; there is no such experiment", field,
                                                              OneLine(wanted, kMaxShown)));
}

Value Find(const mlflow::Experiment& experiment, const Subject& subject) {
  if (subject.of == Subject::Of::kTag) {
    return FindPair(experiment.tags(), subject.key);
  }
  if (subject.key == "name") {
    return experiment.name();
  }
  if (subject.key == "experiment_id") {
    return experiment.experiment_id();
  }
  return static_cast<double>(subject.key == "creation_time" ? experiment.creation_time()
                                                            : experiment.last_update_time());
}

}  // namespace

absl::StatusOr<std::vector<mlflow::Experiment>> AllExperiments(Core& core) {
  std::vector<mlflow::Experiment> all;
  for (const ExperimentInfo& info : Experiments()) {
    all.push_back(OfOurs(info));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ExternalExperiment> made, core.store.external().ListExperiments());
  std::transform(made.begin(), made.end(), std::back_inserter(all), OfTheirs);
  return all;
}

absl::StatusOr<mlflow::Experiment> FindExperiment(Core& core, std::string_view id) {
  return FindWhere(core, "experiment_id", id, [id](const mlflow::Experiment& e) { return e.experiment_id() == id; });
}

absl::StatusOr<mlflow::Experiment> FindExperimentByName(Core& core, std::string_view name) {
  return FindWhere(core, "experiment_name", name, [name](const mlflow::Experiment& e) { return e.name() == name; });
}

absl::StatusOr<std::int64_t> ReadExperimentId(std::string_view id) {
  if (IsOurs(id)) {
    return BadField("experiment_id", fmt::format("is {}, whose runs normlab trains itself; expected an experiment that "
                                                 "an MLflow client made, under another name",
                                                 id));
  }
  const std::optional<std::int64_t> number = ParseWhole<std::int64_t>(id);
  return number ? absl::StatusOr<std::int64_t>(*number)
                : absl::NotFoundError(
                      fmt::format("experiment_id is {}; there is no such experiment", OneLine(id, kMaxShown)));
}

absl::Status CreateExperiment(Core& core, const mlflow::CreateExperimentRequest& request,
                              mlflow::CreateExperimentResponse& response) {
  std::vector<FieldViolation> violations;
  CheckSize(request.name(), kMaxRunName, "name", violations);
  if (!request.artifact_location().empty()) {
    violations.push_back({"artifact_location", "is set; expected none: files are kept by this server"});
  }
  const std::map<std::string, std::string> tags = ReadTags(request.tags(), violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  if (IsOurs(request.name())) {
    return absl::AlreadyExistsError(fmt::format("name is {}, an experiment of normlab itself", request.name()));
  }
  NORMLAB_ASSIGN_OR_RETURN(const store::ExternalExperiment made,
                           core.store.external().CreateExperiment(request.name(), tags));
  response.set_experiment_id(std::to_string(made.id));
  return absl::OkStatus();
}

absl::Status SetExperimentTag(Core& core, const mlflow::SetExperimentTagRequest& request) {
  std::vector<FieldViolation> violations;
  CheckTag(request.key(), request.value(), "", violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t id, ReadExperimentId(request.experiment_id()));
  return core.store.external().TagExperiment(id, request.key(), request.value());
}

absl::Status SearchExperiments(Core& core, const mlflow::SearchExperimentsRequest& request,
                               mlflow::SearchExperimentsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t limit,
                           ReadLimit(request.max_results(), kMostExperiments, kMostExperiments));
  NORMLAB_ASSIGN_OR_RETURN(const auto clauses, ParseFilter(request.filter(), ExperimentAttributes(), "filter"));
  NORMLAB_ASSIGN_OR_RETURN(const auto orders, ReadOrders(request.order_by(), ExperimentAttributes()));
  if (request.view_type() == mlflow::DELETED_ONLY) {
    return absl::OkStatus();  // experiments are not deleted here
  }
  NORMLAB_ASSIGN_OR_RETURN(std::vector<mlflow::Experiment> all, AllExperiments(core));
  std::erase_if(all, [&clauses](const mlflow::Experiment& experiment) {
    return !Matches(clauses, [&experiment](const Subject& subject) { return Find(experiment, subject); });
  });
  // The newest first, if nothing is said; ours, of which no time is known, last.
  std::stable_sort(all.begin(), all.end(), [&orders](const mlflow::Experiment& a, const mlflow::Experiment& b) {
    const int less = CompareBy(orders, [&](const Subject& s) { return std::pair(Find(a, s), Find(b, s)); });
    return less != 0 ? less < 0 : a.creation_time() > b.creation_time();
  });
  NORMLAB_ASSIGN_OR_RETURN(const Page page, CutPage(all, limit, request.page_token(),
                                                    [](const mlflow::Experiment& e) { return e.experiment_id(); }));
  for (std::size_t i = page.begin; i < page.end; ++i) {
    *response.add_experiments() = std::move(all[i]);
  }
  if (!page.next.empty()) {
    response.set_next_page_token(page.next);
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
