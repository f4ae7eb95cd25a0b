#include "server/tensorboard/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

Run MakeExternal(store::Job job) {
  std::string name = fmt::format("{}/external/{}", job.experiment, JobName(job.id));
  return {.job = std::move(job), .spec = {}, .name = std::move(name)};
}

Run MakeRun(store::Job job) {
  if (job.external) {
    return MakeExternal(std::move(job));
  }
  v1::JobSpec spec = ReadStoredSpec(job);
  std::string name = fmt::format("{}/seed={}/{}", ConfigurationName(spec), spec.seed(), JobName(job.id));
  return {.job = std::move(job), .spec = std::move(spec), .name = std::move(name)};
}

bool Passes(const store::Job& job, const store::JobFilter& filter) {
  const bool labelled = std::all_of(filter.labels.begin(), filter.labels.end(), [&job](const auto& label) {
    const auto found = job.labels.find(label.first);
    return found != job.labels.end() && found->second == label.second;
  });
  return labelled && (filter.experiment.empty() || job.experiment == filter.experiment);
}

// Of the jobs in the queue those that have begun, and were interrupted.
absl::StatusOr<std::vector<store::Job>> Interrupted(Core& core, store::JobFilter filter) {
  filter.states = {store::JobState::kQueued};
  const store::JobOrder latest_begun{.by = store::JobOrder::By::kStarted, .descending = true};
  NORMLAB_ASSIGN_OR_RETURN(store::OrderedPage page,
                           core.store.ListOrdered(filter, latest_begun, std::nullopt, kMostRuns));
  std::erase_if(page.jobs, [](const store::Job& job) { return job.started_ms == 0; });
  return std::move(page.jobs);
}

absl::StatusOr<std::vector<Run>> NewestRuns(Core& core, store::JobFilter filter) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<store::Job> jobs, Interrupted(core, filter));
  filter.states = {store::JobState::kRunning, store::JobState::kCancelling, store::JobState::kSucceeded,
                   store::JobState::kFailed,  store::JobState::kCancelled,  store::JobState::kDiverged};
  NORMLAB_ASSIGN_OR_RETURN(store::JobPage page, core.store.ListJobs(filter, std::nullopt, kMostRuns));
  std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(jobs));
  const auto newer = [](const store::Job& a, const store::Job& b) { return a.id > b.id; };
  std::sort(jobs.begin(), jobs.end(), newer);
  const auto same = [](const store::Job& a, const store::Job& b) { return a.id == b.id; };  // begun between both looks
  jobs.erase(std::unique(jobs.begin(), jobs.end(), same), jobs.end());
  std::vector<Run> runs;
  runs.reserve(std::min<std::size_t>(jobs.size(), kMostRuns));
  for (store::Job& job : jobs) {
    if (runs.size() == kMostRuns) {
      break;
    }
    runs.push_back(MakeRun(std::move(job)));
  }
  return runs;
}

}  // namespace

std::string ConfigurationName(const v1::JobSpec& spec) {
  v1::JobSpec unseeded = spec;
  unseeded.clear_seed();
  const std::string fields = SummarizeSpec(unseeded);
  return fmt::format("{}/{}", ExperimentName(spec), fields.empty() ? "defaults" : fields);
}

absl::StatusOr<std::vector<Run>> SelectRuns(Core& core, const Caller& caller, const Query& query) {
  if (!query.runs) {
    return NewestRuns(core, query.jobs);
  }
  std::vector<Run> runs;
  for (const std::string& name : *query.runs) {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    std::vector<FieldViolation> violations;
    const store::JobId id = ReadJobId(std::string_view(name).substr(name.rfind('/') + 1), "", violations);
    if (!violations.empty()) {
      continue;
    }
    absl::StatusOr<store::Job> job = core.store.GetJob(id);
    if (absl::IsNotFound(job.status())) {
      continue;
    }
    NORMLAB_RETURN_IF_ERROR(job.status());
    if (Run run = MakeRun(*std::move(job)); run.name == name && Passes(run.job, query.jobs)) {
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

double Seconds(std::int64_t unix_ms) { return static_cast<double>(unix_ms) / 1000; }

double LastAtWork(const store::Job& job) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return job.finished_ms != 0 ? Seconds(job.finished_ms) : std::chrono::duration<double>(now).count();
}

}  // namespace normlab::server
