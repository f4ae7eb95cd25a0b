// outcome.h - what is known of one run, where not every run has a number.
#pragma once

#include "results/stats/summary.h"

namespace normlab::stats {

// An infinite value is one of a run that diverged: worse than any number, and as bad as another.
struct Outcome {
  double value = 0;
  bool later = false;  // censored: it lies above `value`, nobody knows how far
};

// -1: a lies below b, 1: above, 0: equal, or not known.
int Order(const Outcome& a, const Outcome& b);

// A number known only to lie between bounds, which may be infinite. An exact one has lo == hi.
using Bounded = Interval;

// a - b, as far as known.
Bounded Difference(const Outcome& a, const Outcome& b);

}  // namespace normlab::stats
