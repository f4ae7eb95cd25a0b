// job_filter.h - which jobs a command means, by name or by state, experiment and labels: options that several commands
// share.
#pragma once

#include <string>
#include <vector>

#include "client/commands/command.h"

namespace normlab::client {

struct JobFilter {
  std::vector<std::string> states;
  std::string experiment = {};
  std::vector<std::string> labels = {};

  bool empty() const { return states.empty() && experiment.empty() && labels.empty(); }
};

// Adds --state, --experiment and --label.
void AddFilterOptions(Session& session, CLI::App& command, JobFilter& filter);

// As calls for many jobs and as lists take it. kInvalidArgument for a label that is not KEY=VALUE.
absl::StatusOr<v1::JobFilter> ToFilter(const JobFilter& filter);
absl::StatusOr<v1::ListJobsRequest> ToRequest(const JobFilter& filter);

// All jobs the filter lets through, oldest first, page by page.
absl::StatusOr<std::vector<v1::Job>> FilteredJobs(Client& client, const JobFilter& filter);

// Jobs by name, or else by filter.
struct JobSelection {
  std::vector<std::string> ids;
  JobFilter filter;
};

// Adds the positional JOB... and the filter's options.
void AddSelectionOptions(Session& session, CLI::App& command, JobSelection& selection);

// kInvalidArgument for a job that is named twice.
absl::Status CheckNamedOnce(const std::vector<std::string>& ids);

// kInvalidArgument unless exactly one of names and filter is given.
absl::StatusOr<std::vector<v1::Job>> SelectedJobs(Client& client, const JobSelection& selection);

}  // namespace normlab::client
