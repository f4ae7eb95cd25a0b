#include "server/edge/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "server/edge/convert.h"
#include "server/edge/request_id.h"
#include "server/schedule/resolve.h"

namespace normlab::server {
namespace {

// What the data sets of some jobs lack, each looked for once.
class MissingData {
 public:
  explicit MissingData(const LocalData& data) : data_(data) {}

  // What keeps the job from running; empty: nothing.
  std::string Needed(const store::NewJob& job) {
    const SideData side = SideDataOf(SpecOf(job));
    std::string missing = Missing(job.dataset);
    for (std::size_t i = 0; side.required && missing.empty() && i < side.datasets.size(); ++i) {
      missing = Missing(side.datasets[i]);
    }
    return missing;
  }

  // On what the job, which does without, will measure nothing; empty: there is no such data set.
  std::string LeftOut(const store::NewJob& job) {
    const SideData side = SideDataOf(SpecOf(job));
    std::vector<std::string> missing;
    std::copy_if(side.datasets.begin(), side.datasets.end(), std::back_inserter(missing),
                 [&](const std::string& dataset) { return !side.required && !Missing(dataset).empty(); });
    if (missing.empty()) {
      return "";
    }
    const bool one = missing.size() == 1;
    return fmt::format(
        "data set{} not on the server's machine: {}; the job will measure nothing on {}. How to get {}: normlab data "
        "list",
        one ? "" : "s", fmt::join(missing, ", "), one ? "it" : "them", one ? "it" : "them");
  }

 private:
  static v1::JobSpec SpecOf(const store::NewJob& job) {
    v1::JobSpec spec;
    spec.ParseFromString(job.spec);
    return spec;
  }
  const std::string& Missing(const std::string& dataset) {
    const auto [place, is_new] = known_.try_emplace(dataset);
    if (is_new) {
      place->second = data_.Missing(dataset);
    }
    return place->second;
  }

  const LocalData& data_;
  std::map<std::string, std::string> known_;
};

// What is missing, as a warning to a caller who wants the job queued all the same.
absl::StatusOr<std::string> Warning(const std::string& missing, bool force) {
  if (!missing.empty() && !force) {
    return absl::FailedPreconditionError(
        fmt::format("{}. To queue the job all the same, use force (--force)", missing));
  }
  return missing;
}

}  // namespace

store::NewJob PrepareJob(const Core& core, const v1::CreateJobRequest& request, const std::string& prefix,
                         std::vector<FieldViolation>& violations) {
  std::vector<FieldViolation> spec_violations;
  const ResolvedJob resolved = ResolveJob(request.spec(), core.data, spec_violations);
  for (FieldViolation& violation : spec_violations) {
    violations.push_back({fmt::format("{}spec.{}", prefix, violation.path), std::move(violation.description)});
  }
  if (spec_violations.empty()) {
    CheckLimits(resolved.spec, core.job_limits, prefix + "spec.", violations);
  }
  CheckLabels(request.labels(), prefix + "labels", violations);
  CheckPriority(request.priority(), prefix + "priority", violations);
  return {.spec = Deterministic(resolved.spec),
          .experiment = ExperimentName(resolved.spec),
          .identity = resolved.identity,
          .dataset = resolved.dataset,
          .priority = request.priority(),
          .labels = {request.labels().begin(), request.labels().end()},
          .rerun = request.rerun()};
}

absl::StatusOr<std::string> MayQueue(const Core& core, std::string_view dataset, bool force) {
  return Warning(core.data.Missing(dataset), force);
}

absl::StatusOr<std::vector<std::string>> CheckData(Core& core, const std::vector<store::NewJob>& jobs,
                                                   const std::vector<bool>& forced) {
  MissingData missing(core.data);
  std::vector<std::string> needed, left_out;
  for (const store::NewJob& job : jobs) {
    needed.push_back(missing.Needed(job));
    left_out.push_back(missing.LeftOut(job));
  }
  std::vector<std::string> warnings(jobs.size());
  const auto nothing = [](const std::string& text) { return text.empty(); };
  if (std::all_of(needed.begin(), needed.end(), nothing) && std::all_of(left_out.begin(), left_out.end(), nothing)) {
    return warnings;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> preview, core.store.PreviewJobs(jobs));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!preview[i].reused) {
      NORMLAB_ASSIGN_OR_RETURN(warnings[i], Warning(needed[i], forced[i]));
      warnings[i] = warnings[i].empty() ? left_out[i] : warnings[i];
    }
  }
  return warnings;
}

}  // namespace normlab::server
