// progress.h - how far a run is, as a line of text: bar, share, rate, time left. Pure functions: no terminal, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/console.h"
#include "normlab/v1/jobs.pb.h"

namespace normlab::client {

// "[#####.....]" or, with Unicode, eighths of a block: "█████▌    " between thin bars. `width` columns in all.
std::string FormatBar(double fraction, int width, bool unicode);

struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;                    // 0: not known yet
  double per_second = 0;                      // 0: not known yet
  std::string unit = "steps";                 // "steps", "B"
  std::optional<double> left = std::nullopt;  // seconds; absent: what `per_second` implies
};
// "▕█████▌    ▏  55%  1,240 steps/s  12s left".
std::string FormatProgress(const Progress& progress, int bar_width, bool unicode);

// Seconds a running job still needs at its present rate; absent if it has no rate yet.
std::optional<double> SecondsLeft(const v1::Job& job);
// From its first lease to its end, or to `now`.
double SecondsTaken(const v1::Job& job, double now);
// "43%", "100%"; never 100 before the last step.
std::string FormatShare(std::uint64_t done, std::uint64_t total);

struct Estimate {
  double share = 0;            // of the whole work, 0 to 1
  std::optional<double> left;  // seconds; absent while nothing is known
};
// Of all `jobs` together, with as many at once as run now. A queued job is taken to need what finished or running jobs
// of the same configuration (seed apart) need, else their mean.
Estimate EstimateJobs(const std::vector<v1::Job>& jobs, double now);

Paint StatePaint(v1::JobState state);

}  // namespace normlab::client
