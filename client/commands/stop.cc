// `normlab cancel`, `resume` and `delete`: what changes a job after it was submitted.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/error.h"
#include "client/progress.h"

namespace normlab::client {
namespace {

struct Verb {
  std::string name;
  // Does it to one job; what to say about it is printed.
  std::function<absl::StatusOr<v1::Job>(Client&, const std::string&)> act;
  std::function<std::string(const std::string& id, const v1::Job& job)> say;
};

// Each job on its own: one that cannot be changed does not keep the others from it. The first failure gives the exit
// code.
absl::StatusOr<int> ForEach(Session& session, const std::vector<std::string>& ids, const Verb& verb) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  Json done = Json::array();
  int code = kExitOk;
  for (const std::string& id : ids) {
    const absl::StatusOr<v1::Job> job = verb.act(*client, id);
    if (!job.ok()) {
      if (ids.size() == 1 || job.status().code() == absl::StatusCode::kUnavailable) {
        return job.status();
      }
      session.Note(fmt::format("normlab: {}: {}", id, RenderError(job.status())));
      code = code == kExitOk ? ExitCodeFor(job.status()) : code;
    } else if (session.json) {
      done.push_back(job->job_id().empty() ? Json{{"job_id", id}} : JobToJson(*job));
    } else {
      session.Print(verb.say(id, *job) + "\n");
    }
  }
  if (session.json) {
    session.Print(Dump({{"jobs", done}}));
  }
  return code;
}

CLI::App* AddVerb(CLI::App& app, Session& session, const CommandText& text, const Verb& verb) {
  CLI::App* command = AddCommand(app, session, text);
  auto ids = std::make_shared<std::vector<std::string>>();
  command->add_option("JOB", *ids, "job ids, such as j17 j18")->required()->type_name("");
  command->callback(
      [&session, ids, verb] { session.action = [&session, ids, verb] { return ForEach(session, *ids, verb); }; });
  return command;
}

}  // namespace

void AddStop(CLI::App& app, Session& session) {
  AddVerb(app, session,
          {kJobs,
           "cancel",
           "Stop jobs. A queued one stops at once, a running one at its next step, with a checkpoint",
           {"normlab cancel j17 j18", "normlab cancel $(normlab jobs --state queued --ids)"},
           "jobs[]: as in `normlab jobs`."},
          {"cancel", [](Client& client, const std::string& id) { return client.Cancel(id); },
           [&session](const std::string& id, const v1::Job& job) {
             return id + " " + session.OutPaint(StateName(job.state()), StatePaint(job.state()));
           }});
  const auto force = std::make_shared<bool>(false);
  CLI::App* const resume = AddVerb(
      app, session,
      {kJobs,
       "resume",
       "Continue cancelled or failed jobs. From their last checkpoint, as new jobs",
       {"normlab resume j17", "normlab watch $(normlab resume j17 --json | jq -r '.jobs[].job_id')"},
       "jobs[]: the new jobs, as in `normlab jobs`."},
      {"resume",
       [&session, force](Client& client, const std::string& id) -> absl::StatusOr<v1::Job> {
         NORMLAB_ASSIGN_OR_RETURN(v1::ResumeJobResponse response, client.Resume(id, *force));
         session.NoteWarning(response.warning());
         return std::move(*response.mutable_job());
       },
       [](const std::string& id, const v1::Job& job) { return fmt::format("{} continues as {}", id, job.job_id()); }});
  resume->add_flag("--force", *force, "continue the jobs even if their data set is missing");
  AddVerb(app, session,
          {kJobs,
           "delete",
           "Remove ended jobs for ever. With their curves, checkpoints and files",
           {"normlab delete j17", "normlab delete $(normlab jobs --state failed --ids)"},
           "jobs[]: job_id."},
          {"delete",
           [](Client& client, const std::string& id) -> absl::StatusOr<v1::Job> {
             NORMLAB_RETURN_IF_ERROR(client.Delete(id));
             return v1::Job();
           },
           [](const std::string& id, const v1::Job&) { return id + " deleted"; }});
}

}  // namespace normlab::client
