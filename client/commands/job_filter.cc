#include "client/commands/job_filter.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "client/commands/arguments.h"
#include "client/error.h"

namespace normlab::client {
namespace {

std::vector<std::string> StateNames() {
  std::vector<std::string> names;
  for (int state = v1::JOB_STATE_QUEUED; state <= v1::JobState_MAX; ++state) {
    names.push_back(absl::AsciiStrToLower(StateName(static_cast<v1::JobState>(state))));
  }
  return names;
}

}  // namespace

void AddFilterOptions(Session& session, CLI::App& command, JobFilter& filter) {
  AddChoices(session, command, "--state", filter.states, StateNames(), "only these states, such as running,queued")
      ->delimiter(',');
  CLI::Option* experiment =
      command.add_option("--experiment", filter.experiment, "only this experiment")->type_name("NAME");
  session.choices[experiment] = ExperimentNames();
  command.add_option("--label", filter.labels, "only jobs with this label; may be repeated")->type_name("KEY=VALUE");
}

absl::StatusOr<v1::JobFilter> ToFilter(const JobFilter& filter) {
  std::vector<FieldViolation> violations;
  v1::JobFilter wire;
  wire.set_experiment(filter.experiment);
  for (const std::string& state : filter.states) {
    v1::JobState value = v1::JOB_STATE_UNSPECIFIED;
    v1::JobState_Parse("JOB_STATE_" + absl::AsciiStrToUpper(state), &value);
    wire.add_states(value);
  }
  for (const auto& [key, value] : ParseLabels(filter.labels, violations)) {
    (*wire.mutable_labels())[key] = value;
  }
  NORMLAB_RETURN_IF_ERROR(InvalidFields(violations));
  return wire;
}

absl::StatusOr<v1::ListJobsRequest> ToRequest(const JobFilter& filter) {
  NORMLAB_ASSIGN_OR_RETURN(const v1::JobFilter wire, ToFilter(filter));
  v1::ListJobsRequest request;
  *request.mutable_states() = wire.states();
  request.set_experiment(wire.experiment());
  *request.mutable_labels() = wire.labels();
  return request;
}

absl::StatusOr<std::vector<v1::Job>> FilteredJobs(Client& client, const JobFilter& filter) {
  NORMLAB_ASSIGN_OR_RETURN(v1::ListJobsRequest request, ToRequest(filter));
  request.set_page_size(1000);
  std::vector<v1::Job> jobs;
  do {
    NORMLAB_ASSIGN_OR_RETURN(const v1::ListJobsResponse page, client.ListJobs(request));
    jobs.insert(jobs.end(), page.jobs().begin(), page.jobs().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

void AddSelectionOptions(Session& session, CLI::App& command, JobSelection& selection) {
  command.add_option("JOB", selection.ids, "job ids, such as j17 j18")->type_name("");
  AddFilterOptions(session, command, selection.filter);
}

absl::Status CheckNamedOnce(const std::vector<std::string>& ids) {
  const std::set<std::string> different(ids.begin(), ids.end());
  for (const std::string& id : different) {
    if (std::count(ids.begin(), ids.end(), id) > 1) {
      return absl::InvalidArgumentError(id + " is named twice; name each job once");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::Job>> SelectedJobs(Client& client, const JobSelection& selection) {
  if (selection.ids.empty() == selection.filter.empty()) {
    return absl::InvalidArgumentError(
        selection.ids.empty() ? "name jobs, or choose them by --state, --experiment or --label"
                              : "either name jobs or choose them by --state, --experiment and --label, not both");
  }
  if (selection.ids.empty()) {
    return FilteredJobs(client, selection.filter);
  }
  NORMLAB_RETURN_IF_ERROR(CheckNamedOnce(selection.ids));
  std::vector<v1::Job> jobs;
  for (const std::string& id : selection.ids) {
    NORMLAB_ASSIGN_OR_RETURN(jobs.emplace_back(), client.GetJob(id));
  }
  return jobs;
}

}  // namespace normlab::client
