// `normlab compare` and `normlab plot`: any jobs side by side, as a table and as a picture.
#include <fmt/format.h>

#include "client/commands/job_filter.h"
#include "client/commands/result_format.h"

namespace normlab::client {
namespace {

struct CompareOptions {
  JobSelection jobs;
  std::vector<std::string> series;
  std::vector<std::string> higher_is_better;
  ResultFormat format;
  bool log_y = false;
};

// A request for the jobs and series that are meant, in the format that is wanted.
template <typename Request>
absl::StatusOr<Request> MakeRequest(const Session& session, Client& client, const CompareOptions& options) {
  Request request;
  NORMLAB_ASSIGN_OR_RETURN(const v1::Format format, ChosenFormat(session, options.format));
  request.set_format(format);
  request.mutable_series()->Add(options.series.begin(), options.series.end());
  if (!options.jobs.ids.empty() && options.jobs.filter.empty()) {
    NORMLAB_RETURN_IF_ERROR(CheckNamedOnce(options.jobs.ids));
    request.mutable_job_ids()->Add(options.jobs.ids.begin(), options.jobs.ids.end());
    return request;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, SelectedJobs(client, options.jobs));
  for (const v1::Job& job : jobs) {
    request.add_job_ids(job.job_id());
  }
  if (request.job_ids().empty()) {
    return absl::NotFoundError("no job matches; see `normlab jobs`");
  }
  return request;
}

absl::StatusOr<int> Compare(Session& session, const CompareOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(auto request, MakeRequest<v1::CompareJobsRequest>(session, *client, options));
  request.mutable_higher_is_better()->Add(options.higher_is_better.begin(), options.higher_is_better.end());
  NORMLAB_ASSIGN_OR_RETURN(const v1::CompareJobsResponse response, client->Compare(request));
  return WriteOutput(session, options.format.output, response.content());
}

absl::StatusOr<int> PlotComparison(Session& session, const CompareOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(auto request, MakeRequest<v1::PlotJobsRequest>(session, *client, options));
  request.set_log_y(options.log_y);
  NORMLAB_ASSIGN_OR_RETURN(const v1::PlotJobsResponse response, client->Plot(request));
  return WriteOutput(session, options.format.output, response.content());
}

CLI::App* AddSideBySide(CLI::App& app, Session& session, const CommandText& text,
                        const std::shared_ptr<CompareOptions>& options) {
  CLI::App* command = AddCommand(app, session, text);
  AddSelectionOptions(session, *command, options->jobs);
  command
      ->add_option("--series", options->series,
                   "only these, such as test/error,train/nll [those that all jobs have and on which they differ]")
      ->delimiter(',')
      ->type_name("SERIES");
  AddFormatOptions(session, *command, options->format);
  return command;
}

}  // namespace

void AddCompare(CLI::App& app, Session& session) {
  auto options = std::make_shared<CompareOptions>();
  options->format.allowed = {"terminal", "markdown", "latex", "csv", "json", "html"};
  CLI::App* compare = AddSideBySide(
      app, session,
      {kResults,
       "compare",
       "Any jobs side by side, differences seed by seed. Jobs whose specs agree in all but the seed are one arm; the "
       "first job's arm is the one others are held against",
       {"normlab compare j1 j2 j3 j4", "normlab compare --label study=width --series test/error",
        "normlab compare --experiment mnist_mlp --state succeeded -o compare.html"},
       "arms[]: arm, runs[]; cells[]: series, better, arm, at_step, n, mean, interval, best, difference, p, p_holm."},
      options);
  compare
      ->add_option("--higher-is-better", options->higher_is_better,
                   "series such as test/accuracy, of which that is so [those of which a known paper says it]")
      ->delimiter(',')
      ->type_name("SERIES");
  compare->callback(
      [&session, options] { session.action = [&session, options] { return Compare(session, *options); }; });

  auto plotted = std::make_shared<CompareOptions>();
  plotted->format.allowed = {"svg", "png", "csv", "json"};
  CLI::App* plot = AddSideBySide(
      app, session,
      {kResults,
       "plot",
       "Curves of any jobs as a picture. A panel per series, a colour per arm, its seeds as thin lines with their mean "
       "and its interval",
       {"normlab plot j1 j2 --series train/nll --log -o curves.png",
        "normlab plot --label study=width --series test/error > curves.svg"},
       "curves[]: series, arm, job_id, seed, steps[], values[]."},
      plotted);
  plot->add_flag("--log", plotted->log_y, "logarithmic y axis");
  plot->callback(
      [&session, plotted] { session.action = [&session, plotted] { return PlotComparison(session, *plotted); }; });
}

}  // namespace normlab::client
