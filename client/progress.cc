#include "client/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "client/client.h"
#include "client/text.h"

namespace normlab::client {
namespace {

double Seconds(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + time.nanos() * 1e-9;
}

// Jobs that cost the same: the configuration without the seed.
std::string CostKey(const v1::Job& job) {
  v1::JobSpec spec = job.spec();
  spec.clear_seed();
  return spec.SerializeAsString();
}

// Seconds the whole job took or will take, where that can be told.
std::optional<double> KnownCost(const v1::Job& job, double now) {
  if (job.state() == v1::JOB_STATE_SUCCEEDED) {
    return SecondsTaken(job, now);
  }
  if (job.state() == v1::JOB_STATE_RUNNING && job.steps_per_second() > 0) {
    return static_cast<double>(job.steps_total()) / job.steps_per_second();
  }
  return std::nullopt;
}

struct Mean {
  double sum = 0;
  int n = 0;
  void Add(double x) { sum += x, ++n; }
  double value() const { return sum / n; }
};

}  // namespace

std::string FormatBar(double fraction, int width, bool unicode) {
  const int inner = std::max(1, width - 2);
  fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0;
  if (!unicode) {
    const int full = static_cast<int>(fraction * inner);
    return fmt::format("[{}{}]", std::string(full, '#'), std::string(inner - full, '.'));
  }
  static const char* const kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(fraction * inner * 8);
  std::string bar = "▕";
  for (int i = 0; i < eighths / 8; ++i) {
    bar += "█";
  }
  const std::string part = kEighths[eighths % 8];
  return bar + part + std::string(inner - eighths / 8 - (part.empty() ? 0 : 1), ' ') + "▏";
}

std::string FormatShare(std::uint64_t done, std::uint64_t total) {
  if (total == 0) {
    return "0%";
  }
  return fmt::format("{}%",
                     static_cast<int>(100.0 * static_cast<double>(std::min(done, total)) / static_cast<double>(total)));
}

std::string FormatProgress(const Progress& progress, int bar_width, bool unicode) {
  const double fraction =
      progress.total == 0 ? 0 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
  const std::string share = FormatShare(progress.done, progress.total);
  std::string text = bar_width > 0 ? fmt::format("{}  {:>4}", FormatBar(fraction, bar_width, unicode), share) : share;
  if (progress.per_second > 0) {
    text += progress.unit == "B" ? fmt::format("  {}/s", FormatBytes(static_cast<std::uint64_t>(progress.per_second)))
                                 : fmt::format("  {} {}/s", FormatRate(progress.per_second), progress.unit);
  }
  std::optional<double> left = progress.left;
  if (!left && progress.per_second > 0 && progress.total > progress.done) {
    left = static_cast<double>(progress.total - progress.done) / progress.per_second;
  }
  if (left) {
    text += fmt::format("  {} left", FormatDuration(*left));
  }
  return text;
}

std::optional<double> SecondsLeft(const v1::Job& job) {
  if (job.state() != v1::JOB_STATE_RUNNING || job.steps_total() == 0 || !(job.steps_per_second() > 0)) {
    return std::nullopt;
  }
  const std::uint64_t remaining = job.steps_total() - std::min(job.steps_done(), job.steps_total());
  return static_cast<double>(remaining) / job.steps_per_second();
}

double SecondsTaken(const v1::Job& job, double now) {
  if (job.started().seconds() == 0) {
    return 0;
  }
  return std::max(0.0, (job.finished().seconds() != 0 ? Seconds(job.finished()) : now) - Seconds(job.started()));
}

Estimate EstimateJobs(const std::vector<v1::Job>& jobs, double now) {
  std::map<std::string, Mean> by_kind;
  Mean all;
  for (const v1::Job& job : jobs) {
    if (const auto cost = KnownCost(job, now)) {
      by_kind[CostKey(job)].Add(*cost);
      all.Add(*cost);
    }
  }
  double whole = 0;
  double done = 0;
  double longest = 0;  // no number of workers makes the rest shorter than one job
  int running = 0;
  for (const v1::Job& job : jobs) {
    const auto known = by_kind.find(CostKey(job));
    const double cost = known != by_kind.end() ? known->second.value() : all.n > 0 ? all.value() : 1;
    const double share = IsTerminal(job.state()) ? 1
                         : job.steps_total() > 0 ? static_cast<double>(std::min(job.steps_done(), job.steps_total())) /
                                                       static_cast<double>(job.steps_total())
                                                 : 0;
    whole += cost;
    done += cost * share;
    longest = std::max(longest, cost * (1 - share));
    running += job.state() == v1::JOB_STATE_RUNNING ? 1 : 0;
  }
  Estimate estimate;
  estimate.share = whole > 0 ? done / whole : 0;
  if (all.n > 0) {
    estimate.left = std::max(longest, (whole - done) / std::max(1, running));
  }
  return estimate;
}

Paint StatePaint(v1::JobState state) {
  switch (state) {
    case v1::JOB_STATE_QUEUED:
      return Paint::kDim;
    case v1::JOB_STATE_RUNNING:
      return Paint::kCyan;
    case v1::JOB_STATE_CANCELLING:
    case v1::JOB_STATE_CANCELLED:
      return Paint::kYellow;
    case v1::JOB_STATE_SUCCEEDED:
      return Paint::kGreen;
    case v1::JOB_STATE_DIVERGED:
      return Paint::kMagenta;
    case v1::JOB_STATE_FAILED:
      return Paint::kRed;
    default:
      return Paint::kPlain;
  }
}

}  // namespace normlab::client
