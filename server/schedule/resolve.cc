#include "server/schedule/resolve.h"

#include <fmt/format.h>

#include <set>

#include "data/registry.h"
#include "proto/rules.h"

namespace normlab::server {

std::string IdentityOf(const v1::JobSpec& resolved, Revisions revisions, std::string_view content) {
  if (!content.empty()) {
    return Identity(resolved, content, revisions);
  }
  const data::DatasetInfo* dataset = data::FindDataset(DatasetName(resolved));
  return Identity(resolved, dataset == nullptr ? "" : data::DatasetSha256(*dataset), revisions);
}

ResolvedJob ResolveJob(const v1::JobSpec& spec, const LocalData& data, std::vector<FieldViolation>& violations) {
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
  job.identity = IdentityOf(job.spec, RevisionsOf(job.spec), data.Content(job.dataset));
  return job;
}

}  // namespace normlab::server
