#include "server/edge/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "server/edge/convert.h"
#include "server/edge/request_id.h"
#include "server/schedule/resolve.h"

namespace normlab::server {
namespace {

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
  std::map<std::string, std::string> missing;  // by data set
  for (const store::NewJob& job : jobs) {
    if (!missing.contains(job.dataset)) {
      missing[job.dataset] = core.data.Missing(job.dataset);
    }
  }
  std::vector<std::string> warnings(jobs.size());
  if (std::all_of(missing.begin(), missing.end(), [](const auto& entry) { return entry.second.empty(); })) {
    return warnings;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> preview, core.store.PreviewJobs(jobs));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!preview[i].reused) {
      NORMLAB_ASSIGN_OR_RETURN(warnings[i], Warning(missing[jobs[i].dataset], forced[i]));
    }
  }
  return warnings;
}

}  // namespace normlab::server
