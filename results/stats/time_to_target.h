// time_to_target.h - how soon a run first reached a target, and how two such times compare when some never did.
#pragma once

#include <span>

#include "results/stats/paired.h"

namespace normlab::stats {

// When a curve first reached the target. A run that did not is censored: its time is later than `at`, the last place it
// was looked at, and it stays in every count.
struct FirstPassage {
  double at = 0;
  bool reached = false;
};

// The first x at which the best value so far is at or below `target`. NaN reaches nothing. `ended`: the run can never
// reach it any more (it diverged), so an unreached target is infinitely late rather than late.
FirstPassage TimeToTarget(std::span<const double> x, std::span<const double> values, double target, bool ended = false);

// log(a / b) of one pair, as far as known: an upper bound when b is censored, a lower bound when a is, nothing when
// both are. Times must be positive.
Bounded LogTimeRatio(const FirstPassage& a, const FirstPassage& b);

}  // namespace normlab::stats
