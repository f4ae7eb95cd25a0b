// planned_runs.h - the runs of a paper's plan as jobs: their specs, their identities, and what the store has of them.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/status.h"
#include "results/judging/curve_source.h"
#include "results/judging/paper.h"
#include "results/store/store.h"
#include "server/schedule/resolve.h"

namespace normlab::server {

struct PlannedJob {
  judging::PlannedRun run;
  ResolvedJob job;  // of an external run nothing: there is none to be made
};

// Why there can be no runs of an experiment: it does not exist. Empty: there can.
std::string WhyNoExperiment(std::string_view name);

// Runs of experiments that do not exist are left out. kInternal if the manifest names a configuration that is not valid; the
// message says which run and what is wrong. Identities are those of the data sets as `data` has them.
absl::StatusOr<std::vector<PlannedJob>> ResolvePlan(const std::vector<judging::PlannedRun>& plan,
                                                    const LocalData& data);

// The runs of a plan as tables read them. Not thread-safe; one per rendering. Borrows the store.
class StoredRuns : public judging::CurveSource {
 public:
  StoredRuns(store::Store& store, const std::vector<PlannedJob>& plan);

  std::string WhyNotRun(std::string_view experiment) override { return WhyNoExperiment(experiment); }
  absl::StatusOr<judging::RunStatus> Find(const judging::RunName& name) override;
  absl::StatusOr<judging::Samples> Read(const judging::RunName& name, std::string_view series) override;
  absl::StatusOr<std::vector<judging::RunPicture>> Pictures(const judging::RunName& name) override;

 private:
  struct Run {
    std::string identity;
    std::string dataset;
    judging::Labels labels;  // of an external run
    bool looked_up = false;
    std::optional<store::Job> job;
  };

  // The planned run with its stored job, looked up once: one rendering sees one state of each job.
  absl::StatusOr<const Run*> Look(const judging::RunName& name);

  // The newest external run with these labels and this seed.
  absl::StatusOr<std::optional<store::Job>> FindExternal(const judging::Labels& labels, std::uint64_t seed);

  store::Store& store_;
  std::map<std::tuple<std::string, std::string, std::uint64_t, int>, Run> runs_;  // by item, arm, seed and part
};

}  // namespace normlab::server
