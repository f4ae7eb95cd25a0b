#include "client/commands/bulk.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/error.h"
#include "client/text.h"

namespace normlab::client {
namespace {

constexpr std::size_t kShownIds = 8;

// "12 jobs (j1, j2, ...)"
std::string Summary(const std::vector<v1::Job>& jobs) {
  std::string ids;
  for (std::size_t i = 0; i < std::min(jobs.size(), kShownIds); ++i) {
    ids += (ids.empty() ? "" : ", ") + jobs[i].job_id();
  }
  return fmt::format("{} ({}{})", FormatCount(jobs.size(), "job"), ids, jobs.size() > kShownIds ? ", ..." : "");
}

absl::StatusOr<v1::JobFilter> FilterOf(const JobSelection& selection, const BulkVerb& verb) {
  if (selection.ids.empty() && selection.filter.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("name jobs to {}, or choose them by --state, --experiment or --label", verb.name));
  }
  NORMLAB_RETURN_IF_ERROR(CheckNamedOnce(selection.ids));
  NORMLAB_ASSIGN_OR_RETURN(v1::JobFilter filter, ToFilter(selection.filter));
  filter.mutable_job_ids()->Assign(selection.ids.begin(), selection.ids.end());
  if (selection.ids.empty() && filter.states().empty()) {
    filter.mutable_states()->Assign(verb.states.begin(), verb.states.end());
  }
  return filter;
}

Json ToJson(const BulkAnswer& answer) {
  Json jobs = Json::array();
  for (const v1::Job& job : answer.jobs) {
    Json json{{"job_id", job.job_id()}};
    if (job.state() != v1::JOB_STATE_UNSPECIFIED) {
      json["state"] = StateName(job.state());
      json["priority"] = job.priority();
      json["labels"] = LabelsToJson(job);
    }
    if (!job.resumed_from().empty()) {
      json["resumed_from"] = job.resumed_from();
    }
    jobs.push_back(std::move(json));
  }
  Json left = Json::array();
  for (const v1::JobNotChanged& job : answer.not_changed) {
    left.push_back({{"job_id", job.job_id()}, {"reason", job.reason()}});
  }
  return {{"jobs", std::move(jobs)}, {"not_changed", std::move(left)}};
}

bool IsFine(const v1::JobNotChanged& job, const BulkVerb& verb) {
  return verb.ended_is_fine && job.code() == static_cast<int>(absl::StatusCode::kFailedPrecondition);
}

absl::Status StatusOf(const v1::JobNotChanged& job) {
  return absl::Status(static_cast<absl::StatusCode>(job.code()), job.reason());
}

// Jobs that were not changed, as notes; the exit code that the first of them gives.
int NoteLeft(Session& session, const BulkAnswer& answer, const BulkVerb& verb) {
  int code = kExitOk;
  for (const v1::JobNotChanged& job : answer.not_changed) {
    session.Note(fmt::format("normlab: {}: {}\n", job.job_id(), job.reason()));
    code = code == kExitOk && !IsFine(job, verb) ? ExitCodeFor(StatusOf(job)) : code;
  }
  return code;
}

// Whether to go on: asks a person before more than one job is changed.
absl::StatusOr<bool> MayGoOn(Session& session, Client& client, const v1::JobFilter& filter, const BulkOptions& options,
                             const BulkVerb& verb) {
  if (options.yes || !session.environment().ask || filter.job_ids_size() == 1) {
    return true;
  }
  NORMLAB_ASSIGN_OR_RETURN(const BulkAnswer preview, verb.call(client, filter, true));
  if (preview.jobs.size() <= 1) {
    return true;
  }
  return Confirm(session, fmt::format("{} {}", verb.name, Summary(preview.jobs)));
}

int SayDryRun(Session& session, const BulkAnswer& answer, const BulkVerb& verb) {
  for (const v1::Job& job : answer.jobs) {
    session.Print(fmt::format("{} {}\n", job.job_id(), StateName(job.state())));
  }
  session.Note(fmt::format("This would {} {}; nothing was done.\n", verb.name, Summary(answer.jobs)));
  return NoteLeft(session, answer, verb);
}

}  // namespace

void AddBulkOptions(Session& session, CLI::App& command, BulkOptions& options) {
  AddSelectionOptions(session, command, options.jobs);
  command.add_flag("--dry-run", options.dry_run, "say which jobs are meant, and do nothing");
  command.add_flag("--yes,-y", options.yes, "do not ask before more than one job is changed");
}

absl::StatusOr<int> RunBulk(Session& session, const BulkOptions& options, const BulkVerb& verb) {
  NORMLAB_ASSIGN_OR_RETURN(const v1::JobFilter filter, FilterOf(options.jobs, verb));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  if (!options.dry_run) {
    NORMLAB_ASSIGN_OR_RETURN(const bool go_on, MayGoOn(session, *client, filter, options, verb));
    if (!go_on) {
      session.Note("Nothing was done.\n");
      return kExitFailed;
    }
  }
  NORMLAB_ASSIGN_OR_RETURN(const BulkAnswer answer, verb.call(*client, filter, options.dry_run));
  for (const std::string& warning : answer.warnings) {
    session.NoteWarning(warning);
  }
  if (answer.jobs.empty() && answer.not_changed.size() == 1 && !IsFine(answer.not_changed[0], verb)) {
    return StatusOf(answer.not_changed[0]);
  }
  if (session.json) {
    session.Print(Dump(ToJson(answer)));
    return NoteLeft(session, answer, verb);
  }
  if (answer.jobs.empty() && answer.not_changed.empty()) {
    session.Note("No job matches.\n");
    return kExitOk;
  }
  if (options.dry_run) {
    return SayDryRun(session, answer, verb);
  }
  for (const v1::Job& job : answer.jobs) {
    session.Print(verb.say(job) + "\n");
  }
  return NoteLeft(session, answer, verb);
}

}  // namespace normlab::client
