// `normlab show JOB`: everything about one job.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/job_words.h"
#include "client/progress.h"
#include "client/text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows Summary(const v1::Job& job, double now) {
  Rows rows;
  const auto add = [&rows](const char* name, std::string value) {
    if (!value.empty()) {
      rows.emplace_back(name, std::move(value));
    }
  };
  if (job.steps_total() > 0) {
    std::string progress = fmt::format("{} ({} of {} steps)", FormatShare(job.steps_done(), job.steps_total()),
                                       FormatCount(job.steps_done()), FormatCount(job.steps_total()));
    if (const auto left = SecondsLeft(job)) {
      progress += fmt::format(", {} steps/s, {} left", FormatRate(job.steps_per_second()), FormatDuration(*left));
    }
    add("progress", progress);
  }
  add("error", job.error());
  add("held up", job.held_up());
  add("continues", job.resumed_from());
  add("created", FormatTime(job.created()));
  add("started", FormatTime(job.started()));
  add("finished", FormatTime(job.finished()));
  if (job.started().seconds() != 0) {
    add("time", fmt::format("{} on the clock, {} of CPU", FormatDuration(SecondsTaken(job, now)),
                            FormatDuration(job.cpu_seconds())));
  }
  if (job.attempt() > 0) {
    add("worker", fmt::format("{} (attempt {})", job.worker(), job.attempt()));
  }
  if (job.priority() != 0) {
    add("priority", std::to_string(job.priority()));
  }
  const std::map<std::string, std::string> labels(job.labels().begin(), job.labels().end());
  for (const auto& [key, value] : labels) {
    add("label", key + "=" + value);
  }
  add("identity", job.identity());
  add("fingerprint", job.fingerprint());
  return rows;
}

void PrintRows(Session& session, const std::string& title, const Rows& rows) {
  if (rows.empty()) {
    return;
  }
  TextTable table({"", "", ""});
  for (const auto& [name, value] : rows) {
    table.Add({"", {name, Paint::kDim}, value});
  }
  session.Print((title.empty() ? "" : "\n" + session.OutPaint(title, Paint::kBold) + "\n") +
                table.Render(session.out_colour(), session.table_width(), session.console().unicode));
}

void PrintSeries(Session& session, const v1::Job& job, const std::vector<v1::Series>& all) {
  if (all.empty()) {
    return;
  }
  TextTable table({"SERIES", "POINTS", "LAST", "MIN", "MAX", "NOT FINITE"}, {1, 2, 3, 4, 5});
  for (const v1::Series& s : all) {
    table.Add({s.name(), FormatCount(s.points()), FormatValue(s.last()), FormatValue(s.min()), FormatValue(s.max()),
               s.not_finite() == 0 ? std::string() : FormatCount(s.not_finite())});
  }
  session.Print("\n" + table.Render(session.out_colour(), session.table_width()));
  session.Note(fmt::format("\nPoints: normlab curve {} {}\n", job.job_id(), all.front().name()));
}

using Attempts = std::vector<v1::ListAttemptsResponse::JobAttempt>;

// One that ended as its job did tells nothing new.
void PrintAttempts(Session& session, const Attempts& attempts) {
  if (attempts.size() < 2) {
    return;
  }
  TextTable table({"ATTEMPT", "WORKER", "STARTED", "TOOK", "STEPS", "ENDED"}, {0, 3, 4});
  for (const auto& attempt : attempts) {
    const double end =
        attempt.has_ended() ? static_cast<double>(attempt.ended().seconds()) : session.environment().now();
    table.Add(
        {std::to_string(attempt.number()), attempt.worker(), FormatTime(attempt.started()),
         FormatDuration(end - static_cast<double>(attempt.started().seconds())),
         attempt.has_steps_done() ? FormatCount(attempt.first_step()) + "-" + FormatCount(attempt.steps_done()) : "",
         attempt.has_ended() ? attempt.ending() : "under way"});
  }
  session.Print("\n" + table.Render(session.out_colour(), session.table_width(), session.console().unicode));
}

Json AttemptsToJson(const Attempts& attempts) {
  Json all = Json::array();
  for (const auto& attempt : attempts) {
    Json json{{"number", attempt.number()}, {"worker", attempt.worker()}, {"started", FormatTime(attempt.started())}};
    if (attempt.has_ended()) {
      json["ended"] = FormatTime(attempt.ended());
      json["ending"] = attempt.ending();
    }
    json["died"] = attempt.died();
    if (attempt.has_first_step()) {
      json["first_step"] = attempt.first_step();
    }
    if (attempt.has_steps_done()) {
      json["steps_done"] = attempt.steps_done();
    }
    all.push_back(std::move(json));
  }
  return all;
}

absl::StatusOr<int> Run(Session& session, const std::string& job_id) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::Job job, client->GetJob(job_id));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Series> series, client->ListSeries(job_id));
  NORMLAB_ASSIGN_OR_RETURN(const Attempts attempts, client->ListAttempts(job_id));
  if (session.json) {
    Json all = Json::array();
    for (const v1::Series& s : series) {
      all.push_back(SeriesToJson(s));
    }
    session.Print(Dump({{"job", JobToJson(job)}, {"series", all}, {"attempts", AttemptsToJson(attempts)}}));
    return kExitOk;
  }
  session.Print(fmt::format("{}  {}  {}\n", session.OutPaint(job.job_id(), Paint::kBold),
                            session.OutPaint(StateName(job.state()), StatePaint(job.state())), ExperimentOf(job)));
  const std::string differing = SummaryOf(job);
  session.Print("  " + (differing.empty() ? "every field at its default" : differing) + "\n");
  PrintRows(session, "", Summary(job, session.environment().now()));
  const std::map<std::string, std::string> facts(job.facts().begin(), job.facts().end());
  PrintRows(session, "Facts of the run", Rows(facts.begin(), facts.end()));
  PrintAttempts(session, attempts);
  PrintSeries(session, job, series);
  return kExitOk;
}

}  // namespace

void AddShow(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(app, session,
                                 {kJobs,
                                  "show",
                                  "Everything about one job: settings, progress, times, facts, series",
                                  {"normlab show j17", "normlab show j17 --json | jq .job.spec"},
                                  "job: as in `normlab jobs`, with held_up: why it cannot get on now; series[]: name, "
                                  "points, first_step, last_step, min, max, "
                                  "last, not_finite; attempts[]: number, worker, started, ended, ending, died, "
                                  "first_step, steps_done."});
  auto job = std::make_shared<std::string>();
  command->add_option("JOB", *job, "job id, such as j17")->required()->type_name("");
  command->callback([&session, job] { session.action = [&session, job] { return Run(session, *job); }; });
}

}  // namespace normlab::client
