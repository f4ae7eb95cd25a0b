#include "server/edge/change_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/names.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/request_id.h"
#include "server/edge/submit.h"

namespace normlab::server {
namespace {

using Outcomes = std::vector<store::BulkOutcome>;

// Carries `change` out, or says what it would do.
template <typename Request>
absl::StatusOr<Outcomes> Carry(Core& core, const Request& request, const store::BulkChange& change,
                               std::vector<FieldViolation> violations) {
  NORMLAB_ASSIGN_OR_RETURN(const store::Request key, RequestOf(request));
  const store::JobFilter filter = ReadFilter(request.filter(), violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return core.store.ChangeJobs(key, filter, change, request.validate_only());
}

// Oldest first, as people number them.
template <typename Response>
void Answer(Outcomes outcomes, Response& response) {
  std::reverse(outcomes.begin(), outcomes.end());
  for (const store::BulkOutcome& outcome : outcomes) {
    if (outcome.left.ok()) {
      ToSlimWire(outcome, *response.add_jobs());
      continue;
    }
    v1::JobNotChanged& wire = *response.add_not_changed();
    wire.set_job_id(JobName(outcome.job.id));
    wire.set_code(static_cast<int>(outcome.left.code()));
    wire.set_reason(Message(outcome.left));
  }
}

void CheckRemoved(const v1::UpdateJobsRequest& request, std::vector<FieldViolation>& violations) {
  for (int i = 0; i < request.remove_labels_size(); ++i) {
    const std::string& key = request.remove_labels(i);
    const std::string path = fmt::format("remove_labels[{}]", i);
    if (!IsName(key, false)) {
      violations.push_back(
          {path,
           fmt::format("is {}; expected a label's name: letters, digits, '.', '_' and '-', at most 128", Shown(key))});
    } else if (request.set_labels().contains(key)) {
      violations.push_back({path, fmt::format("is {}, which set_labels sets", key)});
    }
  }
  if (request.set_labels().empty() && request.remove_labels().empty() && !request.has_priority()) {
    violations.push_back({"set_labels", "is empty, as are remove_labels and priority; expected something to change"});
  }
}

}  // namespace

absl::Status CancelJobs(Core& core, const v1::CancelJobsRequest& request, v1::CancelJobsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(Outcomes outcomes, Carry(core, request, {.kind = store::BulkChange::Kind::kCancel}, {}));
  if (!request.validate_only()) {
    for (const store::BulkOutcome& outcome : outcomes) {
      if (outcome.left.ok()) {
        core.attempts.Cancelled(outcome.job.id);
      }
    }
  }
  Answer(std::move(outcomes), response);
  return absl::OkStatus();
}

absl::Status ResumeJobs(Core& core, const v1::ResumeJobsRequest& request, const Caller& caller,
                        v1::ResumeJobsResponse& response) {
  std::map<std::string, absl::StatusOr<std::string>> data;  // by data set; looked for once
  std::set<std::string> warnings;
  std::int64_t room = core.quota.Room(caller);
  QueueQuota::Places places;
  const auto may_resume = [&](const store::Job& job) -> absl::Status {
    absl::StatusOr<QueueQuota::Places> place = core.quota.Full(caller);
    if (room > 0) {
      place = core.quota.Reserve(caller, 1, {});
      room = place.ok() ? room - 1 : 0;
    }
    if (!place.ok()) {
      return absl::FailedPreconditionError(Message(place.status()));  // of this job, not of the call
    }
    const auto known = data.try_emplace(job.dataset, MayQueue(core, job.dataset, request.force())).first;
    NORMLAB_ASSIGN_OR_RETURN(const std::string warning, known->second);
    if (!warning.empty()) {
      warnings.insert(warning);
    }
    places.Add(*std::move(place));
    return absl::OkStatus();
  };
  NORMLAB_ASSIGN_OR_RETURN(
      Outcomes outcomes,
      Carry(core, request, {.kind = store::BulkChange::Kind::kResume, .may_resume = may_resume}, {}));
  for (const store::BulkOutcome& outcome : outcomes) {
    if (outcome.left.ok() && !request.validate_only()) {
      core.quota.Queued(caller, outcome.job.id, {}, places);
    }
  }
  core.attempts.QueueChanged();
  Answer(std::move(outcomes), response);
  response.mutable_warnings()->Assign(warnings.begin(), warnings.end());
  return absl::OkStatus();
}

absl::Status DeleteJobs(Core& core, const v1::DeleteJobsRequest& request, v1::DeleteJobsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(Outcomes outcomes, Carry(core, request, {.kind = store::BulkChange::Kind::kDelete}, {}));
  if (!request.validate_only()) {
    core.news.JobDeleted();
  }
  Answer(std::move(outcomes), response);
  return absl::OkStatus();
}

absl::Status UpdateJobs(Core& core, const v1::UpdateJobsRequest& request, v1::UpdateJobsResponse& response) {
  std::vector<FieldViolation> violations;
  CheckLabels(request.set_labels(), "set_labels", violations);
  CheckRemoved(request, violations);
  store::BulkChange change{.kind = store::BulkChange::Kind::kUpdate};
  change.max_labels = kMaxLabels;
  change.set_labels.insert(request.set_labels().begin(), request.set_labels().end());
  change.remove_labels.assign(request.remove_labels().begin(), request.remove_labels().end());
  if (request.has_priority()) {
    CheckPriority(request.priority(), "priority", violations);
    change.priority = request.priority();
  }
  NORMLAB_ASSIGN_OR_RETURN(Outcomes outcomes, Carry(core, request, change, std::move(violations)));
  Answer(std::move(outcomes), response);
  return absl::OkStatus();
}

}  // namespace normlab::server
