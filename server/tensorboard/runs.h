// runs.h - TensorBoard's runs: jobs, named by what they train and by their seed.
//
// "mnist_mlp/norm=layer batch_size=4/seed=3/j17", of another program's run "my experiment/external/j18": the fields that differ from their defaults, and the job, so that a name
// belongs to one job for ever, and is found without a look at any other.
//
// Thread safety: free functions, any thread; they read the store.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "normlab/v1/experiments.pb.h"
#include "server/edge/core.h"
#include "server/edge/stream.h"
#include "server/tensorboard/query.h"

namespace normlab::server {

struct Run {
  store::Job job;
  v1::JobSpec spec;  // resolved; of an external run empty
  std::string name;
};

// More than a page can show; the newest are taken.
inline constexpr int kMostRuns = 1000;

// "mnist_mlp/norm=layer batch_size=4": what jobs have in common that differ in their seed alone.
std::string ConfigurationName(const v1::JobSpec& spec);

// The runs that `query` names, else the newest kMostRuns jobs of its filter that have begun; newest first.
// Names that no job has, or none that the filter lets pass, are left out. kCancelled when nobody waits any more.
absl::StatusOr<std::vector<Run>> SelectRuns(Core& core, const Caller& caller, const Query& query);

// Adds an entry for each run of `query` to the response of a list or read: fill(run, entry) adds its tags, and an entry without
// any is left out. kCancelled when nobody waits any more.
template <typename Response, typename Fill>
absl::Status AddRuns(Core& core, const Caller& caller, const Query& query, Response& response, const Fill& fill) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Run> runs, SelectRuns(core, caller, query));
  for (const Run& run : runs) {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    typename Response::RunEntry entry;
    NORMLAB_RETURN_IF_ERROR(fill(run, entry));
    if (entry.tags_size() > 0) {
      entry.set_run_name(run.name);
      *response.add_runs() = std::move(entry);
    }
  }
  return absl::OkStatus();
}

// Unix seconds.
double Seconds(std::int64_t unix_ms);
// When the job was last at work: its end, or now.
double LastAtWork(const store::Job& job);

}  // namespace normlab::server
