#include "server/edge/submit.h"

#include <fmt/format.h>

#include "server/edge/convert.h"
#include "server/edge/request_id.h"
#include "server/schedule/resolve.h"

namespace normlab::server {
namespace {

constexpr int kMaxPriority = 1000;

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
  if (request.priority() < -kMaxPriority || request.priority() > kMaxPriority) {
    violations.push_back({prefix + "priority", fmt::format("is {}; expected an integer >= -{} and <= {}",
                                                           request.priority(), kMaxPriority, kMaxPriority)});
  }
  return {.spec = Deterministic(resolved.spec),
          .experiment = ExperimentName(resolved.spec),
          .identity = resolved.identity,
          .dataset = resolved.dataset,
          .priority = request.priority(),
          .labels = {request.labels().begin(), request.labels().end()},
          .rerun = request.rerun()};
}

absl::StatusOr<std::string> MayQueue(const Core& core, std::string_view dataset, bool force) {
  std::string missing = core.data.Missing(dataset);
  if (!missing.empty() && !force) {
    return absl::FailedPreconditionError(
        fmt::format("{}. To queue the job all the same, use force (--force)", missing));
  }
  return missing;
}

absl::StatusOr<std::vector<std::string>> CheckData(Core& core, const std::vector<store::NewJob>& jobs,
                                                   const std::vector<bool>& forced) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> preview, core.store.PreviewJobs(jobs));
  std::vector<std::string> warnings(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!preview[i].reused) {
      NORMLAB_ASSIGN_OR_RETURN(warnings[i], MayQueue(core, jobs[i].dataset, forced[i]));
    }
  }
  return warnings;
}

}  // namespace normlab::server
