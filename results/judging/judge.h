// judge.h - the claims of an item against its runs: evidence, one family, verdicts.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "results/judging/evidence.h"
#include "results/judging/measure.h"
#include "results/judging/verdict.h"

namespace normlab::judging {

// What the estimate of a claim is.
enum class Effect { kValue, kDifference, kRatio, kLargest, kSmallest };
std::string_view ToString(Effect effect);  // "value", "difference", ...

struct Judgement {
  const Claim* claim = nullptr;
  Verdict verdict = Verdict::kNotRun;
  std::string reason;    // one sentence: why this verdict
  std::string question;  // what was compared, and how: "mean of passes 111 to 130, difference of runs paired by seed"
  std::string rule;      // how that becomes a verdict; both empty for an item that is not run
  Tier tier = Tier::kExact;
  std::vector<std::string> deviations;  // from the paper's protocol, of this claim
  int planned = 0;                      // pairs or runs
  double from = 0, to = 0;              // x over which it was judged
  // In the claim's own terms: a ratio for log metrics and times, else a difference; the number itself of a value claim.
  // Shown is as the metric reads: kLower is lower.
  Evidence evidence;
  double confidence = kConfidence;  // of the interval
  bool ratio = false;
  std::optional<double> paper;            // the printed size; absent where the claim prints none
  std::optional<stats::Interval> margin;  // around it
  std::optional<double> p_holm;           // absent where there is no p
  int family = 0;                         // claims that Holm's correction counts

  Effect effect() const;
};

// One judgement per claim, in the manifest's order. Every claim of the item but facts is in the family, whatever came of
// its runs: what is undecided or not run counts with p = 1. So do those that are set aside, by index, for a simulation that
// knows nothing of them.
std::vector<Judgement> Judge(const Measured& measured, const std::set<std::size_t>& set_aside = {});

}  // namespace normlab::judging
