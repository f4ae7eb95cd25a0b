// `normlab cancel`, `resume` and `delete`: what stops jobs, continues them, and removes them.
#include <fmt/format.h>

#include "client/commands/bulk.h"
#include "client/commands/command.h"
#include "client/progress.h"

namespace normlab::client {
namespace {

constexpr char kJson[] =
    "jobs[]: job_id, state, priority, labels and resumed_from of those changed; not_changed[]: job_id, reason.";

CLI::App* AddVerb(CLI::App& app, Session& session, const CommandText& text, const BulkVerb& verb) {
  CLI::App* command = AddCommand(app, session, text);
  auto options = std::make_shared<BulkOptions>();
  AddBulkOptions(session, *command, *options);
  command->callback([&session, options, verb] {
    session.action = [&session, options, verb] { return RunBulk(session, *options, verb); };
  });
  return command;
}

void AddResume(CLI::App& app, Session& session) {
  const auto force = std::make_shared<bool>(false);
  CLI::App* const resume = AddVerb(
      app, session,
      {kJobs,
       "resume",
       "Continue cancelled or failed jobs. From their last checkpoint, as new jobs. Chosen without --state: those that "
       "were cancelled or failed",
       {"normlab resume j17", "normlab resume --label who=ana",
        "normlab watch $(normlab resume j17 --json | jq -r '.jobs[].job_id')"},
       "jobs[]: job_id, state, priority, labels and resumed_from of the new jobs; not_changed[]: job_id, reason."},
      {.name = "resume",
       .states = {v1::JOB_STATE_FAILED, v1::JOB_STATE_CANCELLED},
       .call =
           [force](Client& client, const v1::JobFilter& filter, bool validate_only) {
             v1::ResumeJobsRequest request;
             *request.mutable_filter() = filter;
             request.set_validate_only(validate_only);
             request.set_force(*force);
             return ToBulkAnswer(client.ResumeJobs(std::move(request)));
           },
       .say = [](const v1::Job& job) { return fmt::format("{} continues as {}", job.resumed_from(), job.job_id()); }});
  resume->add_flag("--force", *force, "continue the jobs even if their data set is missing");
}

}  // namespace

void AddStop(CLI::App& app, Session& session) {
  AddVerb(app, session,
          {kJobs,
           "cancel",
           "Stop jobs. A queued one stops at once, a running one at its next step, with a checkpoint. Chosen without "
           "--state: those that have not ended",
           {"normlab cancel j17 j18", "normlab cancel --state queued --label who=ana",
            "normlab cancel --label who=ana --dry-run"},
           kJson},
          {.name = "cancel",
           .states = {v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING},
           .call =
               [](Client& client, const v1::JobFilter& filter, bool validate_only) {
                 v1::CancelJobsRequest request;
                 *request.mutable_filter() = filter;
                 request.set_validate_only(validate_only);
                 return ToBulkAnswer(client.CancelJobs(std::move(request)));
               },
           .say =
               [&session](const v1::Job& job) {
                 return job.job_id() + " " + session.OutPaint(StateName(job.state()), StatePaint(job.state()));
               },
           .ended_is_fine = true});
  AddResume(app, session);
  AddVerb(
      app, session,
      {kJobs,
       "delete",
       "Remove ended jobs for ever. With their curves, checkpoints and files. Chosen without --state: all that have "
       "ended",
       {"normlab delete j17", "normlab delete --state failed", "normlab delete --experiment mnist_mlp --dry-run"},
       "jobs[]: job_id of those removed; not_changed[]: job_id, reason."},
      {.name = "delete",
       .states = {v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED, v1::JOB_STATE_CANCELLED, v1::JOB_STATE_DIVERGED},
       .call =
           [](Client& client, const v1::JobFilter& filter, bool validate_only) {
             v1::DeleteJobsRequest request;
             *request.mutable_filter() = filter;
             request.set_validate_only(validate_only);
             return ToBulkAnswer(client.DeleteJobs(std::move(request)));
           },
       .say = [](const v1::Job& job) { return job.job_id() + " deleted"; }});
}

}  // namespace normlab::client
