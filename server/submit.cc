#include "server/submit.h"

#include <fmt/format.h>

#include <set>

#include "data/registry.h"
#include "proto/rules.h"
#include "server/convert.h"
#include "server/request_id.h"

namespace normlab::server {
namespace {

constexpr int kMaxPriority = 1000;

}  // namespace

ResolvedJob ResolveJob(const v1::JobSpec& spec, std::vector<FieldViolation>& violations) {
  ResolvedJob job;
  std::vector<FieldViolation> fields;
  job.spec = ResolveSpec(spec, fields);
  std::set<std::string> wrong;
  for (const FieldViolation& violation : fields) {
    wrong.insert(violation.path);
  }
  std::vector<FieldViolation> rules;
  CheckRules(job.spec, rules);
  violations.insert(violations.end(), fields.begin(), fields.end());
  for (FieldViolation& violation : rules) {
    if (!wrong.contains(violation.path)) {
      violations.push_back(std::move(violation));
    }
  }
  job.dataset = DatasetName(job.spec);
  const data::DatasetInfo* dataset = data::FindDataset(job.dataset);
  if (dataset == nullptr && !job.dataset.empty() && fields.empty()) {
    violations.push_back({fmt::format("{}.dataset", ExperimentName(job.spec)),
                          fmt::format("is {}, which has no entry in the registry of data sets", job.dataset)});
  }
  job.identity = Identity(job.spec, dataset == nullptr ? "" : data::DatasetSha256(*dataset));
  return job;
}

store::NewJob PrepareJob(const v1::CreateJobRequest& request, const std::string& prefix,
                         std::vector<FieldViolation>& violations) {
  std::vector<FieldViolation> spec_violations;
  const ResolvedJob resolved = ResolveJob(request.spec(), spec_violations);
  for (FieldViolation& violation : spec_violations) {
    violations.push_back({fmt::format("{}spec.{}", prefix, violation.path), std::move(violation.description)});
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

}  // namespace normlab::server
