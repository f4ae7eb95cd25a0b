// `normlab workers`: who works for the server, on what, and why not.
#include <fmt/format.h>

#include <algorithm>

#include "client/commands/command.h"
#include "client/text.h"

namespace normlab::client {
namespace {

// How long ago a time was; empty if there is none.
std::string Ago(const google::protobuf::Timestamp& time, double now) {
  return time.seconds() == 0 ? "" : FormatDuration(std::max(0.0, now - static_cast<double>(time.seconds())));
}

Json ToJson(const v1::ListWorkersResponse& answer) {
  Json workers = Json::array();
  for (const auto& worker : answer.workers()) {
    Json json{{"worker", worker.worker()}, {"kept", worker.kept()}};
    if (!worker.job_id().empty()) {
      json["job_id"] = worker.job_id();
      json["attempt"] = worker.attempt();
    }
    if (worker.has_since()) {
      json["since"] = FormatTime(worker.since());
      json["last_heard"] = FormatTime(worker.last_heard());
    }
    if (!worker.waits_for().empty()) {
      json["waits_for"] = worker.waits_for();
    }
    workers.push_back(std::move(json));
  }
  return {{"workers", std::move(workers)}, {"slots", answer.slots()}, {"queued", answer.queued()}};
}

absl::StatusOr<int> Run(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::ListWorkersResponse answer, client->ListWorkers());
  if (session.json) {
    session.Print(Dump(ToJson(answer)));
    return kExitOk;
  }
  const double now = session.environment().now();
  TextTable table({"WORKER", "STARTED BY", "JOB", "FOR", "HEARD", "WAITS FOR"}, {3, 4});
  for (const auto& worker : answer.workers()) {
    table.Add({worker.worker().empty() ? "(new)" : worker.worker(),
               worker.kept() ? "server" : "hand",
               {worker.job_id(), Paint::kBold},
               Ago(worker.since(), now),
               Ago(worker.last_heard(), now),
               worker.waits_for()});
  }
  if (!answer.workers().empty()) {
    session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  }
  const auto slots = static_cast<std::uint64_t>(answer.slots());
  session.Note(fmt::format("{}{} in the queue.\n",
                           slots == 0 ? "The server starts no workers itself: normlab-worker does. "
                                      : fmt::format("The server keeps {}. ", FormatCount(slots, "worker")),
                           FormatCount(answer.queued(), "job")));
  return kExitOk;
}

}  // namespace

void AddWorkers(CLI::App& app, Session& session) {
  CLI::App* command =
      AddCommand(app, session,
                 {kJobs,
                  "workers",
                  "List workers: which has which job, since when, when it was last heard of, and what it waits for",
                  {"normlab workers", "normlab workers --json"},
                  "workers[]: worker, kept (the server starts it again), job_id, attempt, since, last_heard, "
                  "waits_for; slots: how "
                  "many the server keeps; queued: jobs that wait."});
  command->callback([&session] { session.action = [&session] { return Run(session); }; });
}

}  // namespace normlab::client
