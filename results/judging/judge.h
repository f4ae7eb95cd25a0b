// judge.h - claims against runs: evidence, Holm's correction over the table, verdicts.
//
// The rules, for all of which runs are paired by seed and every planned run must have finished:
//   lower    the arm's metric is below the other's. Student's p of the mean paired difference, Holm-adjusted over the
//   table,
//            decides the direction. REPRODUCED asks more: the exact sign-flip test below 0.05 (six seeds at least) and
//            the paper's own difference inside the prediction interval for one more pair.
//   close    the arm's metric is near the other's: equivalence by an interval wholly inside the margin.
//   value    the arm's metric is the printed number: inside the prediction interval of one more run, which must be
//   narrow
//            enough to mean something.
//   below    every value of every run is below a bound; DIFFERENT is a single one that is not.
//   above    every value of every run is above a bound; DIFFERENT is all of them below.
//   reaches  the arm reaches a target sooner: median paired time ratio, censored runs kept, exact sign test.
// The rules `below` and `above` state facts of arithmetic, not of samples: they ask for no number of seeds.
// Holm adjusts Student's p, not the exact one: n pairs cannot push a sign-flip p below 2^(1-n), so with six seeds any
// two claims in one table would make significance impossible. The exact test stands guard claim by claim. No rule takes
// a large p for equality. A run that diverged is the worst of all values, so means are replaced by medians and
// Student's test by the sign test where one did.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/judging/measure.h"
#include "results/judging/paper.h"

namespace normlab::judging {

inline constexpr double kSignificance = 0.05;
inline constexpr int kMinSeeds = 3;            // fewer are INCONCLUSIVE
inline constexpr int kMinSeedsReproduced = 6;  // fewer are at most DIRECTION_ONLY

struct Judgement {
  const Claim* claim = nullptr;
  Verdict verdict = Verdict::kNotRun;
  std::string reason;  // one sentence: why this verdict
  std::string rule;    // the rule, with this claim's numbers
  int n = 0;           // pairs, or runs of a value claim
  int planned = 0;
  double from = 0;  // x over which it was judged
  double to = 0;
  // A ratio for log metrics and times, else a difference, of arm to the other; the value itself for kValue.
  bool ratio = false;
  std::optional<double> effect;
  std::optional<stats::Interval> interval;
  std::optional<stats::Interval> prediction;  // for one more run or pair
  std::optional<double> paper;                // the paper's effect, from single runs
  bool median = false;                        // effect and interval are of the median
  bool bound = false;             // effect is only known to be at least this far from none: runs are censored
  std::optional<double> p;        // Student's, or the sign test's
  std::optional<double> p_exact;  // sign-flip
  std::optional<double> p_holm;
};

// One judgement per claim, in the manifest's order.
std::vector<Judgement> Judge(const Measured& measured);

}  // namespace normlab::judging
