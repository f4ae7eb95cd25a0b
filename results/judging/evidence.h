// evidence.h - what the runs of two arms, or of one against a number, show: the one way in which everything is judged.
//
// There are two questions. Direction: is one arm below the other? Size: is a value, a difference or a ratio the claimed
// one, to a margin? Values come on a scale where lower is better and differences are what is compared (logarithms for
// ratios), so that a run that diverged, worse than any number, is +infinity. Knows no papers, jobs or tables.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "results/stats/outcome.h"

namespace normlab::judging {

inline constexpr double kSignificance = 0.05;
inline constexpr int kMinSeeds = 3;              // fewer show nothing
inline constexpr int kMinSeedsFull = 6;          // fewer can neither reproduce nor refute a paper
inline constexpr double kSizeConfidence = 0.90;  // inside the margin where both one-sided tests pass at 0.05

enum class Method {
  kNone,     // too few
  kStudent,  // of paired differences, or of values
  kRanks,    // the exact permutation test of all runs' ranks, unpaired
  kSigns,    // the exact sign test of a margin
};
std::string_view ToString(Method method);  // "Student t, paired by seed", ...

// What small p's speak for.
enum class Shown { kNothing, kLower, kHigher, kInside, kOutside };
std::string_view ToString(Shown shown);  // "lower", "inside the margin", ...

struct Evidence {
  int n = 0;         // pairs of one seed; runs, of a value
  int diverged = 0;  // runs without a number, of both arms
  int censored = 0;  // runs that had not come there when they ended
  Method method = Method::kNone;
  Shown shown = Shown::kNothing;
  std::optional<double> p;        // for Holm's correction over the family
  std::optional<double> p_exact;  // of an exact test, which stands guard uncorrected; absent where there is none
  // The mean, with Student's interval (95 % of a direction, 90 % of a size); where not every run has a number, and where
  // they have no spread, the median with the interval of order statistics.
  std::optional<double> estimate;
  std::optional<stats::Interval> interval;
  bool median = false;
  bool bound = false;       // the estimate is only known to be at least this far from 0
  bool numberless = false;  // no value is a number: every run diverged, or one of each pair
};

// Runs of the same place in both are of one seed. Where every run has a number: Student's t of the paired differences,
// with the exact sign-flip test as guard, whose p cannot fall below 2^(1-n) and so never survives a correction. Else, and
// where the differences have no spread: the exact permutation test of ranks, which is its own guard.
Evidence WeighDirection(std::span<const stats::Outcome> arm, std::span<const stats::Outcome> other);

// What was weighed on the negative of its scale, on that scale: estimate, interval and what is shown change their side.
Evidence TurnedRound(Evidence evidence);

// The values of one arm, or paired differences, against a margin. p is the smaller of the two questions' p's, whether they
// lie inside or outside: the truth is one of them, so each is tested at the full level. Student's two one-sided tests;
// where a number is missing, and where there is no spread, sign tests.
Evidence WeighValue(std::span<const stats::Outcome> values, stats::Interval margin);
Evidence WeighDifference(std::span<const stats::Outcome> arm, std::span<const stats::Outcome> other,
                         stats::Interval margin);

// Holm's correction over a family that is fixed before anything runs: whoever has no p counts with p = 1.
std::vector<double> AdjustFamily(std::span<const std::optional<double>> p);

}  // namespace normlab::judging
