// experiments.h - MLflow's experiments: ours, whose id is their name, and those that its clients made, whose id is a number.
//
// Ours hold jobs that normlab trains, and no run can be made in them.
//
// Thread safety: free functions, any thread; they read the store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mlflow/service.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

// Ours first.
absl::StatusOr<std::vector<mlflow::Experiment>> AllExperiments(Core& core);
// kNotFound names what was asked for.
absl::StatusOr<mlflow::Experiment> FindExperiment(Core& core, std::string_view id);
absl::StatusOr<mlflow::Experiment> FindExperimentByName(Core& core, std::string_view name);

// The number of an experiment in which runs can be made. kInvalidArgument for one of ours.
absl::StatusOr<std::int64_t> ReadExperimentId(std::string_view id);

absl::Status CreateExperiment(Core& core, const mlflow::CreateExperimentRequest& request,
                              mlflow::CreateExperimentResponse& response);
absl::Status SetExperimentTag(Core& core, const mlflow::SetExperimentTagRequest& request);
absl::Status SearchExperiments(Core& core, const mlflow::SearchExperimentsRequest& request,
                               mlflow::SearchExperimentsResponse& response);

}  // namespace normlab::server
