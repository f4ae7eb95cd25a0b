// `normlab jobs`: the list of jobs, newest first.
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "absl/strings/ascii.h"

#include "client/commands/command.h"
#include "client/commands/job_filter.h"
#include "client/job_words.h"
#include "client/progress.h"
#include "client/text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

constexpr int kLargestPage = 1000;

struct Options {
  JobFilter filter;
  int limit = 0;
  std::string page;
  bool ids_only = false;
  std::string sort;
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

// "best test/error" of "best test/error desc"; empty unless a curve gives the order.
std::string SortedBy(const v1::ListJobsResponse& page, const std::string& sort) {
  return page.sort_values().empty() ? "" : sort.substr(0, sort.find(" desc"));
}

std::string RenderJobs(const v1::ListJobsResponse& page, const std::string& sort, Session& session) {
  const double now = session.environment().now();
  std::vector<TextTable::Cell> header = {"JOB", "STATE", "DONE", "TIME", "AGE", "RUN"};
  const std::string by = SortedBy(page, sort);
  if (!by.empty()) {
    header.insert(header.begin() + 1, absl::AsciiStrToUpper(by));
  }
  TextTable table(header, by.empty() ? std::vector<int>{2, 3, 4} : std::vector<int>{1, 3, 4, 5});
  for (int i = 0; i < page.jobs_size(); ++i) {
    const v1::Job& job = page.jobs(i);
    const double age = now - static_cast<double>(job.created().seconds());
    std::vector<TextTable::Cell> row = {{job.job_id(), Paint::kBold},
                                        {StateName(job.state()), StatePaint(job.state())},
                                        job.steps_total() == 0 ? "" : FormatShare(job.steps_done(), job.steps_total()),
                                        Timing(job, now),
                                        age < 9.95 ? "now" : FormatDuration(age),
                                        ExperimentOf(job) + " " + SummaryOf(job)};
    if (!by.empty()) {
      const double value = page.sort_values(i);
      row.insert(row.begin() + 1, std::isnan(value) ? "" : FormatValue(value));
    }
    table.Add(std::move(row));
  }
  return table.Render(session.out_colour(), session.table_width(), session.console().unicode);
}

// One page, or all of them, page by page, each handed to `take`; the token of the next page, empty after the last.
absl::StatusOr<std::string> ReadPages(Client& client, v1::ListJobsRequest request, bool all,
                                      const std::function<absl::Status(const v1::ListJobsResponse&)>& take) {
  for (;;) {
    NORMLAB_ASSIGN_OR_RETURN(const v1::ListJobsResponse page, client.ListJobs(request));
    NORMLAB_RETURN_IF_ERROR(take(page));
    if (!all || page.next_page_token().empty()) {
      return page.next_page_token();
    }
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<int> Run(Session& session, const Options& options) {
  NORMLAB_ASSIGN_OR_RETURN(auto request, ToRequest(options.filter));
  // What a program reads is whole unless it asks for pages.
  const bool all = (options.ids_only || session.json) && options.limit == 0 && options.page.empty();
  request.set_page_size(all ? kLargestPage : options.limit);
  request.set_page_token(options.page);
  request.set_order_by(options.sort);
  if (options.ids_only) {
    request.mutable_read_mask()->add_paths("job_id");
  }
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  Json jobs = Json::array();
  bool none = true;
  const auto take = [&](const v1::ListJobsResponse& page) -> absl::Status {
    none = none && page.jobs().empty();
    std::string text;
    for (int i = 0; i < page.jobs_size(); ++i) {
      const v1::Job& job = page.jobs(i);
      if (options.ids_only) {
        text += job.job_id() + "\n";
      } else if (session.json) {
        jobs.push_back(JobToJson(job));
        if (i < page.sort_values_size()) {
          jobs.back()["sort_value"] = NumberToJson(page.sort_values(i));
        }
      }
    }
    return session.PrintNow(options.ids_only || session.json || none ? text : RenderJobs(page, options.sort, session));
  };
  NORMLAB_ASSIGN_OR_RETURN(const std::string next, ReadPages(*client, request, all, take));
  if (session.json && !options.ids_only) {
    session.Print(Dump({{"jobs", jobs}, {"next_page_token", next}}));
  } else if (none && !options.ids_only) {
    session.Note("No jobs. Start one: normlab submit mnist_mlp --norm layer --seeds 1-6\n");
  } else if (!next.empty()) {
    session.Note(fmt::format("There are more: normlab jobs {}--page {}\n",
                             options.sort.empty() ? "" : fmt::format("--sort \"{}\" ", options.sort), next));
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
       {"normlab jobs", "normlab jobs --state running,queued", "normlab jobs --label who=ana --limit 200 --json",
        "normlab jobs --sort \"best test/error\" --limit 10", "normlab jobs --state queued --ids"},
       "jobs[]: job_id, state, spec, identity, priority, attempt, created, started, finished, steps_done, steps_total, "
       "steps_per_second, cpu_seconds, error, fingerprint, worker, resumed_from, labels, facts, revision, sort_value "
       "(sorted by a curve); next_page_token (empty after the last)."});
  auto options = std::make_shared<Options>();
  AddFilterOptions(session, *command, options->filter);
  command
      ->add_option(
          "--sort", options->sort,
          "the order: created, started, finished, priority, or by a curve, best job first, such as \"best "
          "test/error\"; also worst, last, lowest, highest; \" desc\" behind it turns it around [newest first]")
      ->type_name("ORDER");
  command->add_option("--limit", options->limit, "jobs on a page [50; with --ids or --json: all]")
      ->type_name("N")
      ->check(Whole(1, kLargestPage));
  command->add_option("--page", options->page, "the page after the one that printed this token")->type_name("TOKEN");
  command->add_flag("--ids", options->ids_only, "print ids alone, one a line: all of them, unless --limit is given");
  command->callback([&session, options] { session.action = [&session, options] { return Run(session, *options); }; });
}

}  // namespace normlab::client
