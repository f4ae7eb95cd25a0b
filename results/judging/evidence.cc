#include "results/judging/evidence.h"

#include <algorithm>
#include <cmath>

#include "results/stats/margin.h"
#include "results/stats/paired.h"
#include "results/stats/ranks.h"

namespace normlab::judging {
namespace {

using stats::Bounded;
using stats::Outcome;

bool Exact(const Bounded& b) { return b.lo == b.hi && std::isfinite(b.lo); }

bool Diverged(const Outcome& outcome) { return std::isinf(outcome.value); }

// All numbers, or none if one is missing.
std::vector<double> Numbers(std::span<const Bounded> values) {
  std::vector<double> numbers;
  for (const Bounded& value : values) {
    if (!Exact(value)) {
      return {};
    }
    numbers.push_back(value.lo);
  }
  return numbers;
}

std::vector<Bounded> Differences(std::span<const Outcome> arm, std::span<const Outcome> other) {
  std::vector<Bounded> differences;
  for (std::size_t i = 0; i < arm.size(); ++i) {
    differences.push_back(Difference(arm[i], other[i]));
  }
  return differences;
}

void Count(std::span<const Outcome> outcomes, Evidence& evidence) {
  for (const Outcome& outcome : outcomes) {
    evidence.diverged += Diverged(outcome) ? 1 : 0;
    evidence.censored += outcome.later ? 1 : 0;
  }
}

// The estimate with its interval.
Evidence Described(std::span<const Bounded> values, double confidence) {
  Evidence evidence;
  evidence.n = static_cast<int>(values.size());
  if (values.empty()) {
    return evidence;
  }
  const std::vector<double> numbers = Numbers(values);
  if (numbers.size() == 1 || stats::HasSpread(numbers)) {
    evidence.estimate = stats::Mean(numbers);
    evidence.interval = stats::StudentInterval(numbers, confidence);
    return evidence;
  }
  const stats::MedianEstimate estimate = stats::MedianDifference(values, confidence);
  evidence.median = true;
  evidence.interval = estimate.interval;
  if (estimate.median.lo == estimate.median.hi) {
    evidence.estimate = estimate.median.lo;
  } else if (estimate.median.hi < 0 || estimate.median.lo > 0) {
    // Known on one side only: the bound nearest to no difference is the careful statement.
    evidence.estimate = estimate.median.hi < 0 ? estimate.median.hi : estimate.median.lo;
    evidence.bound = true;
  }
  return evidence;
}

Evidence Against(std::span<const Bounded> values, stats::Interval margin) {
  Evidence evidence = Described(values, kSizeConfidence);
  if (evidence.n < kMinSeeds) {
    return evidence;
  }
  const auto mean = stats::TestMean(Numbers(values), margin);
  const stats::MarginTest test = mean ? *mean : stats::TestMedian(values, margin);
  evidence.method = mean ? Method::kStudent : Method::kSigns;
  evidence.shown = test.p_inside < test.p_outside ? Shown::kInside : Shown::kOutside;
  evidence.p = std::min(test.p_inside, test.p_outside);
  return evidence;
}

Shown Lean(double difference) {
  return difference < 0 ? Shown::kLower : difference > 0 ? Shown::kHigher : Shown::kNothing;
}

}  // namespace

std::string_view ToString(Method method) {
  switch (method) {
    case Method::kNone:
      return "none";
    case Method::kStudent:
      return "Student t";
    case Method::kRanks:
      return "exact permutation of ranks";
    case Method::kSigns:
      return "exact sign test";
  }
  return "none";
}

std::string_view ToString(Shown shown) {
  switch (shown) {
    case Shown::kNothing:
      return "nothing";
    case Shown::kLower:
      return "lower";
    case Shown::kHigher:
      return "higher";
    case Shown::kInside:
      return "inside the margin";
    case Shown::kOutside:
      return "outside the margin";
  }
  return "nothing";
}

Evidence WeighDirection(std::span<const Outcome> arm, std::span<const Outcome> other) {
  const std::vector<Bounded> differences = Differences(arm, other);
  Evidence evidence = Described(differences, stats::kConfidence);
  Count(arm, evidence);
  Count(other, evidence);
  if (evidence.n < kMinSeeds) {
    return evidence;
  }
  const std::vector<double> numbers = Numbers(differences);
  if (stats::HasSpread(numbers)) {
    evidence.method = Method::kStudent;
    evidence.shown = Lean(stats::Mean(numbers));
    evidence.p = stats::StudentP(numbers);
    // With more pairs than can be flipped Student's test needs no guard.
    evidence.p_exact = evidence.n > stats::kMaxFlipPairs ? evidence.p : stats::SignFlipP(numbers);
    return evidence;
  }
  const stats::RankTest ranks = stats::TestRanks(arm, other);
  evidence.method = Method::kRanks;
  evidence.shown = Lean(ranks.lean);
  evidence.p = evidence.p_exact = ranks.p;
  return evidence;
}

Evidence TurnedRound(Evidence evidence) {
  if (evidence.shown == Shown::kLower || evidence.shown == Shown::kHigher) {
    evidence.shown = evidence.shown == Shown::kLower ? Shown::kHigher : Shown::kLower;
  }
  if (evidence.estimate) {
    evidence.estimate = -*evidence.estimate;
  }
  if (evidence.interval) {
    evidence.interval = stats::Interval{-evidence.interval->hi, -evidence.interval->lo};
  }
  return evidence;
}

Evidence WeighValue(std::span<const Outcome> values, stats::Interval margin) {
  std::vector<Bounded> bounded;
  for (const Outcome& value : values) {
    bounded.push_back(Difference(value, {0, false}));
  }
  Evidence evidence = Against(bounded, margin);
  evidence.numberless = std::all_of(values.begin(), values.end(), Diverged);
  Count(values, evidence);
  return evidence;
}

Evidence WeighDifference(std::span<const Outcome> arm, std::span<const Outcome> other, stats::Interval margin) {
  Evidence evidence = Against(Differences(arm, other), margin);
  evidence.numberless = std::equal(arm.begin(), arm.end(), other.begin(), other.end(),
                                   [](const Outcome& a, const Outcome& b) { return Diverged(a) || Diverged(b); });
  Count(arm, evidence);
  Count(other, evidence);
  return evidence;
}

std::vector<double> AdjustFamily(std::span<const std::optional<double>> p) {
  std::vector<double> filled;
  for (const std::optional<double>& one : p) {
    filled.push_back(one.value_or(1));
  }
  return stats::HolmAdjust(filled);
}

}  // namespace normlab::judging
