#include "client/commands/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/follower.h"
#include "client/job_words.h"
#include "client/live.h"
#include "client/progress.h"
#include "client/text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

constexpr std::chrono::milliseconds kRedraw{200};
constexpr double kReportEvery = 5;  // seconds, where there is no terminal
constexpr double kValuesEvery = 2;
constexpr char kAway[] = "the server is away; waiting for it";

std::string Title(const v1::Job& job, const FollowOptions& options) {
  const auto found = options.titles.find(job.job_id());
  return found != options.titles.end() ? found->second : SummaryOf(job);
}

std::string EventLine(const v1::Job& job, const FollowOptions& options, const LatestValues& values, double now,
                      bool colour) {
  std::string text = fmt::format("{} {} {}", job.job_id(), Title(job, options),
                                 Painted(StateName(job.state()), StatePaint(job.state()), colour));
  if (IsTerminal(job.state()) && job.started().seconds() != 0) {
    text += fmt::format(" in {}", FormatDuration(SecondsTaken(job, now)));
  }
  if (!job.error().empty()) {
    text += ": " + job.error();
  }
  if (const auto found = values.find(job.job_id()); found != values.end() && IsTerminal(job.state())) {
    const std::string latest = SummarizeValues(found->second);
    text += latest.empty() ? "" : "  " + latest;
  }
  return text;
}

int Count(const std::vector<v1::Job>& jobs, v1::JobState state) {
  return static_cast<int>(
      std::count_if(jobs.begin(), jobs.end(), [&](const v1::Job& j) { return j.state() == state; }));
}

// Follows one set of jobs: events above, bars below.
class ProgressDisplay {
 public:
  ProgressDisplay(Session& session, Client& client, const FollowOptions& options)
      : session_(session), client_(client), options_(options), lines_(session.console()) {}

  absl::StatusOr<int> Run() {
    JobFollower follower(client_, options_.job_ids);
    for (;;) {
      const JobFollower::News news = follower.Wait(kRedraw);
      if (session_.environment().stop.stop_requested()) {
        lines_.Clear();
        session_.Note(options_.come_back);
        return kExitInterrupted;
      }
      Show(news);
      if (news.ended) {
        lines_.Clear();
        NORMLAB_RETURN_IF_ERROR(news.status);
        return Verdict(news.jobs);
      }
    }
  }

 private:
  void Show(const JobFollower::News& news) {
    const double now = session_.environment().now();
    if (news.connected != std::exchange(connected_, news.connected) && !lines_.terminal() && !news.ended) {
      lines_.Log(news.connected ? "the server is back" : kAway);
    }
    RefreshValues(news.jobs, now);
    for (const v1::Job& job : news.jobs) {
      v1::JobState& known = states_.emplace(job.job_id(), v1::JOB_STATE_QUEUED).first->second;
      if (job.state() == known) {
        continue;
      }
      known = job.state();
      if (IsTerminal(known) || !lines_.terminal()) {  // a terminal shows the others as bars
        lines_.Log(EventLine(job, options_, values_, now, session_.err_colour()));
      }
    }
    // Once all have ended there is nothing left to estimate; the end of the stream may come a moment later.
    const bool all_ended =
        news.jobs.size() == options_.job_ids.size() &&
        std::all_of(news.jobs.begin(), news.jobs.end(), [](const v1::Job& j) { return IsTerminal(j.state()); });
    if (news.ended || all_ended) {
      return;
    }
    if (lines_.terminal()) {
      const Console& console = session_.console();
      std::vector<std::string> lines = RenderFollow(
          news.jobs, options_, values_, now, {console.Width(), console.Height(), console.unicode, console.colour});
      if (!news.connected) {
        lines.push_back(Painted(kAway, Paint::kYellow, console.colour));
      }
      lines_.Draw(lines);
    } else if (!news.jobs.empty()) {
      lines_.Report(SummarizeFollow(news.jobs, options_.job_ids.size(), now), now, kReportEvery);
    }
  }

  // Latest values are worth a call for jobs that run, now and then, and once for each that ended.
  void RefreshValues(const std::vector<v1::Job>& jobs, double now) {
    const bool due = now - refreshed_ >= kValuesEvery;
    for (const v1::Job& job : jobs) {
      const auto known = states_.find(job.job_id());
      const bool just_ended = IsTerminal(job.state()) && (known == states_.end() || known->second != job.state());
      if (just_ended || (due && job.state() == v1::JOB_STATE_RUNNING)) {
        if (auto series = client_.ListSeries(job.job_id()); series.ok()) {
          values_[job.job_id()] = *std::move(series);
        }
      }
    }
    refreshed_ = due ? now : refreshed_;
  }

  int Verdict(const std::vector<v1::Job>& jobs) {
    const int good = Count(jobs, v1::JOB_STATE_SUCCEEDED) + Count(jobs, v1::JOB_STATE_DIVERGED);
    return good == static_cast<int>(jobs.size()) ? kExitOk : kExitFailed;
  }

  Session& session_;
  Client& client_;
  const FollowOptions& options_;
  LiveLines lines_;
  std::map<std::string, v1::JobState> states_;
  LatestValues values_;
  double refreshed_ = 0;
  bool connected_ = true;
};

}  // namespace

absl::StatusOr<int> Follow(Session& session, Client& client, const FollowOptions& options) {
  return ProgressDisplay(session, client, options).Run();
}

std::string SummarizeValues(std::vector<v1::Series> series) {
  const auto rank = [](const v1::Series& s) {
    return s.name().rfind("test/", 0) == 0 ? 0 : s.name().rfind("valid", 0) == 0 ? 1 : 2;
  };
  std::stable_sort(series.begin(), series.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  std::string text;
  for (std::size_t i = 0; i < series.size() && i < 3; ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : "  ", series[i].name(), FormatShort(series[i].last()));
  }
  return text;
}

std::string SummarizeFollow(const std::vector<v1::Job>& jobs, std::size_t expected, double now) {
  const auto done = std::count_if(jobs.begin(), jobs.end(), [](const v1::Job& j) { return IsTerminal(j.state()); });
  const Estimate estimate = EstimateJobs(jobs, now);
  std::string text = fmt::format("{} of {} done, {} running, {}%", done, std::max(expected, jobs.size()),
                                 Count(jobs, v1::JOB_STATE_RUNNING), static_cast<int>(100 * estimate.share));
  if (estimate.left) {
    text += fmt::format(", about {} left", FormatDuration(*estimate.left));
  }
  if (done < static_cast<std::ptrdiff_t>(jobs.size()) && Count(jobs, v1::JOB_STATE_RUNNING) == 0) {
    text += ", waiting for a worker";
  }
  return text;
}

std::vector<std::string> RenderFollow(const std::vector<v1::Job>& jobs, const FollowOptions& options,
                                      const LatestValues& values, double now, const FollowView& view) {
  TextTable table({"", "", "", "", ""});
  const int room = std::max(1, view.rows - 4);
  int shown = 0;
  int hidden = 0;
  for (const v1::Job& job : jobs) {
    if (job.state() != v1::JOB_STATE_RUNNING && job.state() != v1::JOB_STATE_CANCELLING) {
      continue;
    }
    if (++shown > room) {
      ++hidden;
      continue;
    }
    Progress progress{.done = job.steps_done(), .total = job.steps_total(), .per_second = job.steps_per_second()};
    const auto latest = values.find(job.job_id());
    table.Add({{job.job_id(), Paint::kBold},
               Shortened(Title(job, options), 36, view.unicode),
               {FormatProgress(progress, 22, view.unicode), StatePaint(job.state())},
               {latest == values.end() ? "" : SummarizeValues(latest->second), Paint::kDim}});
  }
  std::vector<std::string> lines;
  std::string text = table.Render(view.colour, view.width, view.unicode);
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.erase(0, end + 1);
  }
  if (hidden > 0) {
    lines.push_back(fmt::format("and {} more", hidden));
  }
  const std::size_t expected = std::max(options.job_ids.size(), jobs.size());
  const int share_bar = std::clamp(view.width - 60, 12, 40);
  const std::string bar = FormatBar(EstimateJobs(jobs, now).share, share_bar, view.unicode);
  lines.push_back(Painted(Shortened(bar + "  " + SummarizeFollow(jobs, expected, now), view.width, view.unicode),
                          Paint::kBold, view.colour));
  return lines;
}

}  // namespace normlab::client
