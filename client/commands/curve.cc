// `normlab curve`: what a job has measured, as a plot, text, CSV or JSON; and live.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "client/commands/command.h"
#include "client/plot.h"
#include "client/text.h"

namespace normlab::client {
namespace {

struct CurveOptions {
  std::string job;
  std::string series;
  std::string format;
  std::uint32_t max_points = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool to_given = false;
  bool lttb = false;
  bool log_y = false;
  bool follow = false;
};

absl::StatusOr<int> ListAll(Session& session, Client& client, const std::string& job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Series> all, client.ListSeries(job));
  if (session.json) {
    Json series = Json::array();
    for (const v1::Series& s : all) {
      series.push_back(SeriesToJson(s));
    }
    session.Print(Dump({{"job_id", job}, {"series", series}}));
    return kExitOk;
  }
  if (all.empty()) {
    session.Note(fmt::format("{} has measured nothing yet. Wait for it: normlab watch {}\n", job, job));
    return kExitOk;
  }
  TextTable table({"SERIES", "POINTS", "STEPS", "LAST", "MIN", "MAX"}, {1, 2, 3, 4, 5});
  for (const v1::Series& s : all) {
    table.Add({s.name(), FormatCount(s.points()), fmt::format("{}-{}", s.first_step(), s.last_step()),
               FormatValue(s.last()), FormatValue(s.min()), FormatValue(s.max())});
  }
  session.Print(table.Render(session.out_colour(), session.table_width()));
  session.Note(fmt::format("One of them: normlab curve {} {}\n", job, all.front().name()));
  return kExitOk;
}

std::string AsText(const v1::ReadCurveResponse& curve) {
  TextTable table({"STEP", "VALUE"}, {0, 1});
  for (int i = 0; i < curve.steps_size(); ++i) {
    table.Add({std::to_string(curve.steps(i)), FormatExact(curve.values(i))});
  }
  return table.Render(false);
}

std::string AsCsv(const v1::ReadCurveResponse& curve) {
  std::string text = "step,value,wall_ms\n";
  for (int i = 0; i < curve.steps_size(); ++i) {
    text += fmt::format("{},{},{}\n", curve.steps(i), FormatExact(curve.values(i)),
                        i < curve.wall_ms_size() ? std::to_string(curve.wall_ms(i)) : "");
  }
  return text;
}

std::string AsJson(const CurveOptions& options, const v1::ReadCurveResponse& curve) {
  Json values = Json::array();
  for (const double value : curve.values()) {
    values.push_back(NumberToJson(value));
  }
  return Dump({{"job_id", options.job},
               {"series", options.series},
               {"points_total", curve.points_total()},
               {"steps", std::vector<std::uint64_t>(curve.steps().begin(), curve.steps().end())},
               {"values", values},
               {"wall_ms", std::vector<std::int64_t>(curve.wall_ms().begin(), curve.wall_ms().end())}});
}

std::string AsPlot(Session& session, const CurveOptions& options, const v1::ReadCurveResponse& curve) {
  const std::string title =
      fmt::format("{} {}{}\n", options.job, options.series, options.log_y ? " (logarithmic)" : "");
  const std::string plot =
      Plot({curve.steps().begin(), curve.steps().end()}, {curve.values().begin(), curve.values().end()},
           {.width = std::min(session.console().Width(), 120),
            .height = std::clamp(session.console().Height() - 8, 8, 20),
            .unicode = session.console().unicode,
            .log_y = options.log_y});
  return session.OutPaint(title, Paint::kBold) + (plot.empty() ? "no point that can be drawn\n" : plot);
}

// Points as they become durable, from the first one on, until the job has ended.
absl::StatusOr<int> FollowPoints(Session& session, Client& client, const CurveOptions& options) {
  v1::WatchCurvesRequest request;
  request.add_job_ids(options.job);
  bool any = false;
  absl::Status printed = session.PrintNow(session.json ? "" : "step,value\n");
  NORMLAB_RETURN_IF_ERROR(client.WatchCurves(request, [&](const v1::WatchCurvesResponse& news) {
    std::string lines;
    for (const auto& column : news.columns()) {
      for (int i = 0; column.series() == options.series && i < column.steps_size(); ++i) {
        lines += session.json ? Json{{"step", column.steps(i)}, {"value", NumberToJson(column.values(i))}}.dump() + "\n"
                              : fmt::format("{},{}\n", column.steps(i), FormatExact(column.values(i)));
      }
    }
    any = any || !lines.empty();
    printed = session.PrintNow(lines);
    return printed.ok();
  }));
  NORMLAB_RETURN_IF_ERROR(printed);
  if (!any) {  // says so if the job never had such a series
    v1::ReadCurveRequest series;
    series.set_job_id(options.job);
    series.set_series(options.series);
    NORMLAB_RETURN_IF_ERROR(client.ReadCurve(series).status());
  }
  return kExitOk;
}

absl::StatusOr<int> RunCurve(Session& session, CurveOptions options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  if (options.series.empty()) {
    return ListAll(session, *client, options.job);
  }
  if (options.follow) {
    return FollowPoints(session, *client, options);
  }
  if (options.format.empty()) {
    options.format = session.json ? "json" : session.console().out_is_terminal ? "plot" : "text";
  }
  if (options.format == "plot" && options.max_points == 0) {
    options.max_points = 1000;  // more dots than a terminal has
  }
  v1::ReadCurveRequest request;
  request.set_job_id(options.job);
  request.set_series(options.series);
  request.set_from_step(options.from);
  if (options.to_given) {
    request.set_to_step(options.to);
  }
  request.set_max_points(options.max_points);
  request.set_downsampling(options.lttb ? v1::DOWNSAMPLING_LTTB : v1::DOWNSAMPLING_MIN_MAX);
  NORMLAB_ASSIGN_OR_RETURN(const v1::ReadCurveResponse curve, client->ReadCurve(request));
  session.Print(options.format == "json"   ? AsJson(options, curve)
                : options.format == "csv"  ? AsCsv(curve)
                : options.format == "plot" ? AsPlot(session, options, curve)
                                           : AsText(curve));
  const auto shown = static_cast<std::uint64_t>(curve.steps_size());
  if (shown < curve.points_total() && options.format != "json") {
    session.Note(fmt::format("{} of {} points shown\n", FormatCount(shown), FormatCount(curve.points_total())));
  }
  return kExitOk;
}

}  // namespace

void AddCurve(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kJobs,
       "curve",
       "What a job has measured. A plot on a terminal, else text; CSV, JSON, or live with --follow",
       {"normlab curve j17", "normlab curve j17 train/batch_nll --log --max-points 500",
        "normlab curve j17 test/error --format csv > error.csv", "normlab curve j17 train/batch_nll --follow"},
       "job_id, series, points_total (before downsampling), steps[], values[], wall_ms[]. Without SERIES: job_id, "
       "series[]: name, points, first_step, last_step, min, max, last, not_finite. With --follow: one object a line."});
  auto options = std::make_shared<CurveOptions>();
  command->add_option("JOB", options->job, "job id, such as j17")->required()->type_name("");
  command->add_option("SERIES", options->series, "such as test/error; none: the list of them")->type_name("");
  AddChoice(session, *command, "--format", options->format, {"plot", "text", "csv", "json"},
            "plot on a terminal, else text");
  command->add_option("--max-points", options->max_points, "at most so many, keeping extremes; 0: all [0; plot 1000]")
      ->type_name("N")
      ->check(Whole(0, std::numeric_limits<std::uint32_t>::max()));
  command->add_option("--from", options->from, "first step [0]")->type_name("STEP")->check(Unsigned());
  CLI::Option* to =
      command->add_option("--to", options->to, "last step, inclusive [the end]")->type_name("STEP")->check(Unsigned());
  command->add_flag("--lttb", options->lttb, "downsample by shape instead of keeping each bucket's extremes");
  command->add_flag("--log", options->log_y, "logarithmic plot");
  command->add_flag("--follow", options->follow, "print points as they are measured, until the job ends");
  command->callback([&session, options, to] {
    options->to_given = to->count() > 0;
    session.action = [&session, options] { return RunCurve(session, *options); };
  });
}

}  // namespace normlab::client
