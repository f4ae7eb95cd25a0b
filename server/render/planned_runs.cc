#include "server/render/planned_runs.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/nearest.h"
#include "proto/spec.h"
#include "proto/spec_text.h"
#include "server/schedule/computed_by.h"
#include "server/schedule/external_seed.h"
#include "server/schedule/job_name.h"

namespace normlab::server {

std::string WhyNoExperiment(std::string_view name) {
  std::vector<std::string> names;
  for (const ExperimentInfo& info : Experiments()) {
    if (info.name == name) {
      return "";
    }
    names.push_back(info.name);
  }
  return fmt::format("normlab has no experiment {}{}", Shown(name), DidYouMean(Nearest(name, names)));
}

absl::StatusOr<std::vector<PlannedJob>> ResolvePlan(const std::vector<judging::PlannedRun>& plan,
                                                    const LocalData& data) {
  std::vector<PlannedJob> jobs;
  std::string known;  // the last experiment that exists: runs of an item have the same
  for (const judging::PlannedRun& run : plan) {
    if (run.experiment != known && !WhyNoExperiment(run.experiment).empty()) {
      continue;
    }
    known = run.experiment;
    if (!run.labels.empty()) {
      jobs.push_back({.run = run, .job = {}});
      continue;
    }
    std::vector<FieldViolation> violations;
    v1::JobSpec spec = SpecFromPairs(run.experiment, run.fields, violations);
    spec.set_seed(run.seed);
    PlannedJob planned{.run = run, .job = ResolveJob(spec, data, violations)};
    if (!violations.empty()) {
      return absl::InternalError(fmt::format("the paper's manifest plans a run that is not valid: item {}, arm {}: {}",
                                             run.item, run.arm, Message(ViolationsToStatus(violations))));
    }
    jobs.push_back(std::move(planned));
  }
  return jobs;
}

namespace {

// "Intel Xeon, AVX3, normlab 0.1.0 (0a02e6215d7c), GNU 12.2.0 Release"; empty for a job without facts.
std::string MachineText(const std::map<std::string, std::string>& facts) {
  const auto fact = [&facts](const char* name) {
    const auto found = facts.find(name);
    return found == facts.end() ? std::string("unknown") : found->second;
  };
  return facts.empty() ? ""
                       : fmt::format("{}, {}, normlab {} ({}), {} {}", fact("cpu"), fact("isa"), fact("version"),
                                     fact("commit"), fact("compiler"), fact("build_type"));
}

constexpr std::uint64_t kMaxPicture = 8ULL << 20;  // bytes; a report holds all of its pictures

absl::StatusOr<std::string> ReadPicture(store::Store& store, store::JobId job, std::string_view name) {
  NORMLAB_ASSIGN_OR_RETURN(const store::StoredArtifact artifact, store.OpenArtifact(job, name));
  return ReadSmall(*artifact.file, kMaxPicture);
}

}  // namespace

StoredRuns::StoredRuns(store::Store& store, const std::vector<PlannedJob>& plan) : store_(store) {
  for (const PlannedJob& planned : plan) {
    Run run;
    run.identity = planned.job.identity;
    run.dataset = planned.job.dataset;
    run.labels = planned.run.labels;
    runs_.emplace(std::tuple(planned.run.item, planned.run.arm, planned.run.seed, planned.run.part), std::move(run));
  }
}

absl::StatusOr<const StoredRuns::Run*> StoredRuns::Look(const judging::RunName& name) {
  const auto found = runs_.find(std::tuple(std::string(name.item), std::string(name.arm), name.seed, name.part));
  if (found == runs_.end()) {
    return absl::NotFoundError(
        fmt::format("the plan of {} has no run of arm {} with seed {}", name.item, name.arm, name.seed));
  }
  Run& run = found->second;
  if (!run.looked_up) {
    NORMLAB_ASSIGN_OR_RETURN(
        run.job, run.labels.empty() ? store_.FindByIdentity(run.identity) : FindExternal(run.labels, name.seed));
    run.looked_up = true;
  }
  return &run;
}

absl::StatusOr<std::optional<store::Job>> StoredRuns::FindExternal(const judging::Labels& labels, std::uint64_t seed) {
  constexpr int kAtOnce = 100;
  store::JobFilter filter;
  filter.labels = labels;
  std::optional<store::JobId> before;
  do {
    NORMLAB_ASSIGN_OR_RETURN(store::JobPage page, store_.ListJobs(filter, before, kAtOnce));
    for (store::Job& job : page.jobs) {
      if (job.external && !job.external->removed && ExternalSeed(job) == seed) {
        return std::move(job);
      }
    }
    before = page.next_before;
  } while (before);
  return std::nullopt;
}

absl::StatusOr<judging::RunStatus> StoredRuns::Find(const judging::RunName& name) {
  NORMLAB_ASSIGN_OR_RETURN(const Run* run, Look(name));
  judging::RunStatus status;
  status.dataset = run->dataset;
  if (run->job) {
    status.job = JobName(run->job->id);
    status.succeeded = run->job->state == store::JobState::kSucceeded;
    status.diverged = run->job->state == store::JobState::kDiverged;
    status.fingerprint = run->job->fingerprint;
    status.computed_by = ComputedByText(run->job->facts);
    status.machine = MachineText(run->job->facts);
    status.cpu_seconds_per_update =
        run->job->steps_done > 0 ? run->job->cpu_seconds / static_cast<double>(run->job->steps_done) : 0;
  }
  return status;
}

absl::StatusOr<std::vector<judging::RunPicture>> StoredRuns::Pictures(const judging::RunName& name) {
  NORMLAB_ASSIGN_OR_RETURN(const Run* run, Look(name));
  std::vector<judging::RunPicture> pictures;
  if (!run->job) {
    return pictures;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ArtifactInfo> all, store_.ListArtifacts(run->job->id));
  for (const store::ArtifactInfo& info : all) {
    if (info.media_type.starts_with("image/")) {
      absl::StatusOr<std::string> bytes = ReadPicture(store_, run->job->id, info.name);
      if (absl::IsDataLoss(bytes.status()) || absl::IsFailedPrecondition(bytes.status())) {
        Log(LogLevel::kWarning, "picture_left_out",
            {{"job", JobName(run->job->id)}, {"error", Message(bytes.status())}});
        continue;  // what a report says does not rest on it
      }
      NORMLAB_RETURN_IF_ERROR(bytes.status());
      pictures.push_back({info.name, info.media_type, info.step, *std::move(bytes)});
    }
  }
  return pictures;
}

absl::StatusOr<judging::Samples> StoredRuns::Read(const judging::RunName& name, std::string_view series) {
  NORMLAB_ASSIGN_OR_RETURN(const Run* run, Look(name));
  if (!run->job) {
    return judging::Samples();
  }
  absl::StatusOr<store::Curve> curve = store_.ReadCurve(run->job->id, series, {});
  if (absl::IsNotFound(curve.status())) {
    return judging::Samples();
  }
  NORMLAB_RETURN_IF_ERROR(curve.status());
  return judging::Samples{.steps = std::move(curve->steps), .values = std::move(curve->values)};
}

}  // namespace normlab::server
