// `normlab watch`: live progress; Ctrl-C leaves the jobs alone.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/commands/follow.h"

namespace normlab::client {
namespace {

absl::StatusOr<std::vector<std::string>> JobsUnderWay(Client& client) {
  v1::ListJobsRequest request;
  request.set_page_size(1000);
  for (const v1::JobState state : {v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING, v1::JOB_STATE_CANCELLING}) {
    request.add_states(state);
  }
  NORMLAB_ASSIGN_OR_RETURN(const auto page, client.ListJobs(request));
  std::vector<std::string> ids;
  for (auto job = page.jobs().rbegin(); job != page.jobs().rend(); ++job) {
    ids.push_back(job->job_id());
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
  command->add_option("JOB", *ids,
                      "job ids->type_name("
                      "); none: everything queued or running");
  command->callback([&session, ids] { session.action = [&session, ids] { return Run(session, *ids); }; });
}

}  // namespace normlab::client
