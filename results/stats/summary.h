// summary.h - mean, spread and intervals of a handful of values, one per seed.
//
// Nothing here drops a value: NaN or infinity in, NaN or infinity out. Callers decide what a diverged run counts as.
// Thread safety: free functions of their arguments. Randomness is pinned, see BootstrapInterval.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace normlab::stats {

inline constexpr double kConfidence = 0.95;  // of the intervals that stand beside an estimate

struct Interval {
  double lo = 0;
  double hi = 0;
  bool Contains(double x) const { return lo <= x && x <= hi; }
  bool Inside(const Interval& outer) const { return outer.lo <= lo && hi <= outer.hi; }
};

double Mean(std::span<const double> values);  // NaN for none
// With divisor n - 1; NaN for fewer than two.
double SampleSd(std::span<const double> values);
double Median(std::span<const double> values);  // NaN for none
// Two finite values or more that are not all the same but for rounding. Of equal values nobody knows the spread.
bool HasSpread(std::span<const double> values);

// Student's interval of the mean. Absent for fewer than two values: one run has no spread.
std::optional<Interval> StudentInterval(std::span<const double> values, double confidence);

// Where one more value lies, by Student's t: as far from the mean as its own spread and the mean's error take it. Absent for
// values without spread.
std::optional<Interval> PredictionInterval(std::span<const double> values, double confidence);

// Two-sided p of Student's test that the mean is 0. Absent for values without spread: three equal differences are no
// proof.
std::optional<double> StudentP(std::span<const double> values);

// Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987), 10,000 resamples. `cell` names what the
// interval is for ("mnist/layer_128/test_error"): resample b draws from Rng(fixed seed, "bootstrap/" + cell, b), so the
// same values in the same cell give the same bits for ever, and cells do not share luck. Absent for fewer than two
// values.
std::optional<Interval> BootstrapInterval(std::span<const double> values, double confidence, std::string_view cell);

enum class IntervalMethod { kStudent, kBootstrap };
std::string_view ToString(IntervalMethod method);  // "Student t", "BCa bootstrap"

// Values from which on IntervalOfMean resamples. Below, a bootstrap of so few points is too narrow: at n = 6 the BCa
// interval of a normal sample covers about 88 % where Student's covers 95 % (tests/results/stats/coverage_test.cc).
inline constexpr int kBootstrapFrom = 10;

struct MeanInterval {
  Interval interval;
  IntervalMethod method = IntervalMethod::kStudent;
};
std::optional<MeanInterval> IntervalOfMean(std::span<const double> values, double confidence, std::string_view cell);

}  // namespace normlab::stats
