// `normlab logs JOB`: what server and workers wrote about one job.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/error.h"
#include "client/text.h"

namespace normlab::client {
namespace {

struct LogsOptions {
  std::string job;
  bool follow = false;
};

absl::StatusOr<int> RunLogs(Session& session, const LogsOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  v1::ReadLogRequest request;
  request.set_job_id(options.job);
  request.set_follow(options.follow);
  bool none = true;
  absl::Status printed;
  const auto print = [&](const v1::ReadLogResponse& news) {
    std::string text;
    for (const auto& line : news.lines()) {
      const std::string time = FormatTime(line.time());
      text += session.json ? Json{{"time", time}, {"source", line.source()}, {"text", line.text()}}.dump(
                                 -1, ' ', false, Json::error_handler_t::replace) +
                                 "\n"
                           : fmt::format("{} {} {}\n", session.OutPaint(time, Paint::kDim), line.source(), line.text());
    }
    none = none && news.lines().empty();
    printed = session.PrintNow(text);
    return printed.ok();
  };
  NORMLAB_RETURN_IF_ERROR(client->ReadLog(request, print));
  NORMLAB_RETURN_IF_ERROR(printed);
  if (none && !session.json) {
    session.Note(
        fmt::format("There are no lines about {}: it has not begun, its worker runs elsewhere, or they are too "
                    "old.\n",
                    options.job));
  }
  return kExitOk;
}

}  // namespace

void AddLogs(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(app, session,
                                 {kJobs,
                                  "logs",
                                  "Print what the server and its workers wrote about one job. Their logs are kept for "
                                  "some megabytes; workers started by hand keep their own",
                                  {"normlab logs j17", "normlab logs j17 --follow"},
                                  "one document a line: time, source, text."});
  auto options = std::make_shared<LogsOptions>();
  command->add_option("JOB", options->job, "job id, such as j17")->required()->type_name("");
  command->add_flag("--follow,-f", options->follow, "go on until the job has ended");
  command->callback(
      [&session, options] { session.action = [&session, options] { return RunLogs(session, *options); }; });
}

}  // namespace normlab::client
