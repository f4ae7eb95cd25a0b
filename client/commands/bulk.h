// bulk.h - what commands that change many jobs share: which jobs, asking before, a dry run, what is said afterwards.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/commands/job_filter.h"

namespace normlab::client {

struct BulkOptions {
  JobSelection jobs;
  bool dry_run = false;
  bool yes = false;
};

// Adds JOB..., the filter's options, --dry-run and --yes.
void AddBulkOptions(Session& session, CLI::App& command, BulkOptions& options);

// What the server answered, whichever call it was.
struct BulkAnswer {
  std::vector<v1::Job> jobs;
  std::vector<v1::JobNotChanged> not_changed;
  std::vector<std::string> warnings;
};

struct BulkVerb {
  std::string name;                  // "cancel"
  std::vector<v1::JobState> states;  // that a filter without --state means: those it can be done to; empty: all
  std::function<absl::StatusOr<BulkAnswer>(Client&, const v1::JobFilter&, bool validate_only)> call;
  std::function<std::string(const v1::Job&)> say;  // of one that was changed
  bool ended_is_fine = false;                      // one whose state does not allow it needs nothing: no error
};

// Carries it out. The first job that could not be changed gives the exit code.
absl::StatusOr<int> RunBulk(Session& session, const BulkOptions& options, const BulkVerb& verb);

// The answer of a call, in one form.
template <typename Response>
absl::StatusOr<BulkAnswer> ToBulkAnswer(const absl::StatusOr<Response>& response) {
  NORMLAB_RETURN_IF_ERROR(response.status());
  BulkAnswer answer{.jobs = {response->jobs().begin(), response->jobs().end()},
                    .not_changed = {response->not_changed().begin(), response->not_changed().end()},
                    .warnings = {}};
  if constexpr (requires { response->warnings(); }) {
    answer.warnings.assign(response->warnings().begin(), response->warnings().end());
  }
  return answer;
}

}  // namespace normlab::client
