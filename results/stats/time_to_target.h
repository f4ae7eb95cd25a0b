// time_to_target.h - how soon a run first reached a target.
#pragma once

#include <span>

#include "results/stats/outcome.h"

namespace normlab::stats {

// The first x at which the best value so far is at or below `target`. NaN reaches nothing. A run that did not reach it is
// censored at the last place it was looked at, and stays in every count. `ended`: the run can never reach it any more (it
// diverged), so an unreached target is infinitely late rather than late.
Outcome TimeToTarget(std::span<const double> x, std::span<const double> values, double target, bool ended = false);

}  // namespace normlab::stats
