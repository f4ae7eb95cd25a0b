#include "server/edge/submit.h"

#include <fmt/format.h>

#include <algorithm>
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

  struct Of {
    std::string needed;    // what keeps the job from running; empty: nothing
    std::string left_out;  // on what it, doing without, will measure nothing; empty: there is no such data set
  };
  Of Look(const store::NewJob& job) {
    v1::JobSpec spec;
    spec.ParseFromString(job.spec);
    const SideData side = SideDataOf(spec);
    Of found{.needed = Missing(job.dataset), .left_out = ""};
    std::vector<std::string> left_out;
    for (const std::string& dataset : side.datasets) {
      const std::string& missing = Missing(dataset);
      if (side.required && found.needed.empty()) {
        found.needed = missing;
      } else if (!side.required && !missing.empty()) {
        left_out.push_back(dataset);
      }
    }
    if (!left_out.empty()) {
      const bool one = left_out.size() == 1;
      found.left_out = fmt::format(
          "data set{} not on the server's machine: {}; the job will measure nothing on {}. How to get {}: normlab data "
          "list",
          one ? "" : "s", fmt::join(left_out, ", "), one ? "it" : "them", one ? "it" : "them");
    }
    return found;
  }

 private:
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
  std::vector<MissingData::Of> found;
  for (const store::NewJob& job : jobs) {
    found.push_back(missing.Look(job));
  }
  std::vector<std::string> warnings(jobs.size());
  if (std::all_of(found.begin(), found.end(),
                  [](const MissingData::Of& of) { return of.needed.empty() && of.left_out.empty(); })) {
    return warnings;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> preview, core.store.PreviewJobs(jobs));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!preview[i].reused) {
      NORMLAB_ASSIGN_OR_RETURN(warnings[i], Warning(found[i].needed, forced[i]));
      warnings[i] = warnings[i].empty() ? found[i].left_out : warnings[i];
    }
  }
  return warnings;
}

}  // namespace normlab::server
