// runs.h - jobs as MLflow sees them: its runs, ours and external ones.
//
// Of ours parameters are the fields of the configuration and the seed, tags the labels and what normlab knows ("normlab.state",
// "normlab.identity"); the run's name is what `normlab jobs` shows. Of both kinds metrics are the series.
//
// Thread safety: free functions, any thread; they read the store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mlflow/service.pb.h"
#include "server/edge/core.h"
#include "server/mlflow/filter.h"

namespace normlab::server {

// A job with what searches look at.
struct RunView {
  store::Job job;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::vector<store::SeriesInfo> series;  // where they are needed
};

RunView MakeRunView(store::Job job);

// The job of a run's id. kNotFound, as MLflow has it, also for a text that can be none.
absl::StatusOr<store::JobId> ReadRunId(std::string_view run_id, std::string_view run_uuid = {});
// kNotFound for a run that there is not.
absl::StatusOr<RunView> LoadRun(Core& core, std::string_view run_id, std::string_view run_uuid = {});

// "mnist_mlp" of ours, else the number of the experiment.
std::string ExperimentIdOf(const store::Job& job);
std::string ArtifactUri(store::JobId job);

// What a filter or order asks of a run; metrics are of `series`.
Value Find(const RunView& run, const Subject& subject);

void ToWire(const RunView& run, mlflow::RunInfo& wire);
// All of it: the series are read if `run` has none yet, inputs and outputs in any case.
absl::Status ToWire(Core& core, RunView run, mlflow::Run& wire);

}  // namespace normlab::server
