// `normlab watch`: live progress; Ctrl-C leaves the jobs alone.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/commands/follow.h"
#include "client/commands/job_filter.h"

namespace normlab::client {
namespace {

absl::StatusOr<std::vector<std::string>> JobsUnderWay(Client& client) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs,
                           FilteredJobs(client, {.states = {"queued", "running", "cancelling"}}));
  std::vector<std::string> ids;
  for (const v1::Job& job : jobs) {
    ids.push_back(job.job_id());
  }
  return ids;
}

absl::StatusOr<int> Run(Session& session, std::vector<std::string> ids) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  std::string again = "normlab watch";
  for (const std::string& id : ids) {
    NORMLAB_RETURN_IF_ERROR(client->GetJob(id).status());  // a wrong id is told before anything is drawn
    again += " " + id;
  }
  if (ids.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(ids, JobsUnderWay(*client));
    if (ids.empty()) {
      session.Note("No job is queued or running.\n");
      return kExitOk;
    }
  }
  return Follow(session, *client,
                {.job_ids = ids, .come_back = fmt::format("The jobs go on. Come back with: {}\n", again)});
}

}  // namespace

void AddWatch(CLI::App& app, Session& session) {
  CLI::App* command =
      AddCommand(app, session,
                 {kJobs,
                  "watch",
                  "Follow jobs to their end. Bars, rates, time left, latest values; Ctrl-C leaves the jobs running",
                  {"normlab watch", "normlab watch j17 j18", "normlab watch j17 && normlab curve j17 test/error"},
                  ""});
  auto ids = std::make_shared<std::vector<std::string>>();
  command->add_option("JOB", *ids, "job ids; none: everything queued or running")->type_name("");
  command->callback([&session, ids] { session.action = [&session, ids] { return Run(session, *ids); }; });
}

}  // namespace normlab::client
