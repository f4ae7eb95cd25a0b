// `normlab jobs`: the list of jobs, newest first.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/commands/job_filter.h"
#include "client/progress.h"
#include "client/text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

struct Options {
  JobFilter filter;
  int limit = 0;
  std::string page;
  bool ids_only = false;  // for shell completion
};

// What there is to know about time, in one short cell.
std::string Timing(const v1::Job& job, double now) {
  if (const auto left = SecondsLeft(job)) {
    return FormatDuration(*left) + " left";
  }
  if (job.started().seconds() == 0) {
    return "";
  }
  return (IsTerminal(job.state()) ? "took " : "for ") + FormatDuration(SecondsTaken(job, now));
}

std::string RenderJobs(const v1::ListJobsResponse& page, Session& session) {
  const double now = session.environment().now();
  TextTable table({"JOB", "STATE", "DONE", "TIME", "AGE", "RUN"}, {2, 3, 4});
  for (const v1::Job& job : page.jobs()) {
    const double age = now - static_cast<double>(job.created().seconds());
    table.Add({{job.job_id(), Paint::kBold},
               {StateName(job.state()), StatePaint(job.state())},
               job.steps_total() == 0 ? "" : FormatShare(job.steps_done(), job.steps_total()),
               Timing(job, now),
               age < 9.95 ? "now" : FormatDuration(age),
               ExperimentName(job.spec()) + " " + SummarizeSpec(job.spec())});
  }
  return table.Render(session.out_colour(), session.table_width(), session.console().unicode);
}

absl::StatusOr<int> Run(Session& session, const Options& options) {
  NORMLAB_ASSIGN_OR_RETURN(auto request, ToRequest(options.filter));
  request.set_page_size(options.limit);
  request.set_page_token(options.page);
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const auto page, client->ListJobs(request));
  if (options.ids_only) {
    for (const v1::Job& job : page.jobs()) {
      session.Print(job.job_id() + "\n");
    }
  } else if (session.json) {
    Json jobs = Json::array();
    for (const v1::Job& job : page.jobs()) {
      jobs.push_back(JobToJson(job));
    }
    session.Print(Dump({{"jobs", jobs}, {"next_page_token", page.next_page_token()}}));
  } else if (page.jobs().empty()) {
    session.Note("No jobs. Start one: normlab submit mnist_mlp --norm layer --seeds 1-6\n");
  } else {
    session.Print(RenderJobs(page, session));
    if (!page.next_page_token().empty()) {
      session.Note(fmt::format("There are more: normlab jobs --page {}\n", page.next_page_token()));
    }
  }
  return kExitOk;
}

}  // namespace

void AddJobs(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kJobs,
       "jobs",
       "List jobs, newest first, with state, progress and time left",
       {"normlab jobs", "normlab jobs --state running,queued", "normlab jobs --label who=ana --limit 200 --json"},
       "jobs[]: job_id, state, spec, identity, priority, attempt, created, started, finished, steps_done, steps_total, "
       "steps_per_second, cpu_seconds, error, fingerprint, worker, labels, facts, revision; next_page_token."});
  auto options = std::make_shared<Options>();
  AddFilterOptions(session, *command, options->filter);
  command->add_option("--limit", options->limit, "jobs on a page [50]")->type_name("N")->check(InRange(1, 1000));
  command->add_option("--page", options->page, "the page after the one that printed this token")->type_name("TOKEN");
  command->add_flag("--ids", options->ids_only, "")->group("");
  command->callback([&session, options] { session.action = [&session, options] { return Run(session, *options); }; });
}

}  // namespace normlab::client
