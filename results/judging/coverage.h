// coverage.h - does the paper's curve look like one more run of ours? Of each stretch that it prints, in a figure's panels along
// x: does its middle lie where one more run would, by the runs that are there?
#pragma once

#include <string>
#include <vector>

#include "results/judging/measure.h"

namespace normlab::judging {

// Stretches of the paper's curve that lie outside, one after the other on the same side.
struct Outside {
  double from = 0;
  double to = 0;
  int points = 0;
  bool above = false;  // the paper's is above ours
};

struct Coverage {
  int arm = 0;
  int metric = 0;
  int runs = 0;    // that did not diverge and are there over all points
  int points = 0;  // that the paper prints up to the end of the budget's runs
  int inside = 0;  // the 95 % prediction interval of the runs' means over the point's stretch
  std::vector<Outside> outside;
};

// Two runs tell nothing: their interval is thirteen of their distances wide.
inline constexpr int kCoverageRuns = 3;

// By metric, then arm; none where the budget's runs are not the paper's as far as they go (Protocol::same_curve), the paper
// has no curve, or there are fewer than kCoverageRuns runs.
std::vector<Coverage> CoverageOf(const Measured& measured);

// "The paper's single run beside the 95 % prediction band of one more of ours: ..."; empty: nothing to say.
std::string CoverageNote(const Measured& measured);

}  // namespace normlab::judging
