#include "results/judging/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/evidence.h"
#include "results/stats/paired.h"

namespace normlab::judging {
namespace {

bool Significant(const std::optional<double>& p) { return p && *p < kSignificance; }

struct Ruling {
  Verdict verdict;
  std::string reason;
};

std::string TooFew(int n) {
  return fmt::format("{} seed{} cannot decide; {} are the least, {} for REPRODUCED", n, n == 1 ? "" : "s", kMinSeeds,
                     kMinSeedsReproduced);
}

// Whether a difference is so small that the manifest calls it none.
bool Tied(const Judgement& j, const Metric& metric) {
  const stats::Interval tie =
      metric.log ? stats::Interval{1 / metric.tie, metric.tie} : stats::Interval{-metric.tie, metric.tie};
  return j.interval && tie.lo < tie.hi && j.interval->Inside(tie);
}

Ruling RuleDirection(const Judgement& j, const Metric& metric) {
  if (!Significant(j.p_holm)) {
    if (j.claim->rule == Rule::kLower && Tied(j, metric)) {
      return {Verdict::kDifferent, "The interval lies within what counts as a tie"};
    }
    return {Verdict::kInconclusive,
            fmt::format("The direction is not established (Holm p = {:.2g})", j.p_holm.value_or(1))};
  }
  if (*j.effect > (j.ratio ? 1 : 0)) {
    return {Verdict::kDifferent, "The opposite direction is established"};
  }
  if (j.claim->rule == Rule::kLower && !Significant(j.p_exact)) {
    return {Verdict::kDirectionOnly,
            j.median ? "The direction holds, but runs diverged: its size cannot be compared"
                     : fmt::format("The direction holds; {} seeds are too few for the exact test", j.n)};
  }
  if (j.claim->rule == Rule::kLower && j.paper && j.prediction && !j.prediction->Contains(*j.paper)) {
    return {Verdict::kDirectionOnly, "The direction holds; the paper's size lies outside the prediction interval"};
  }
  return {Verdict::kReproduced, j.claim->rule == Rule::kReaches
                                    ? "The direction holds"
                                    : "The direction holds, and the paper's size is among those to be expected"};
}

Ruling RuleClose(const Judgement& j, const Metric& metric) {
  const double w = j.claim->within;
  const stats::Interval margin = metric.log ? stats::Interval{1 / w, w} : stats::Interval{-w, w};
  if (j.interval && j.interval->Inside(margin)) {
    return {Verdict::kReproduced, "The whole interval lies inside the margin"};
  }
  if (j.interval && (j.interval->hi < margin.lo || j.interval->lo > margin.hi)) {
    return {Verdict::kDifferent, "The whole interval lies outside the margin"};
  }
  return {Verdict::kInconclusive, "The interval crosses the edge of the margin"};
}

Ruling RuleValue(const Judgement& j, const Metric& metric) {
  if (!j.interval || !j.prediction || !j.paper) {
    return {Verdict::kInconclusive,
            j.paper ? "Runs diverged: no prediction interval" : "The paper prints no value here"};
  }
  const double w = j.claim->within;
  const double low = metric.log ? *j.paper / w : *j.paper - w, high = metric.log ? *j.paper * w : *j.paper + w;
  const bool narrow = j.prediction->Inside({low, high});
  if (narrow) {
    return {Verdict::kReproduced, "One more run would be expected within the margin of the printed value"};
  }
  if (!j.prediction->Contains(*j.paper) && (j.interval->hi < low || j.interval->lo > high)) {
    return {Verdict::kDifferent, "The printed value lies outside the prediction interval, the mean outside the margin"};
  }
  return {Verdict::kInconclusive, "The prediction interval crosses the edge of the margin"};
}

Ruling RuleBound(const Judgement& j) {
  const double bound = j.claim->bound;
  if (j.claim->rule == Rule::kBelow) {
    return j.interval->hi < bound ? Ruling{Verdict::kReproduced, "Every value lies below the bound"}
                                  : Ruling{Verdict::kDifferent, "A value does not lie below the bound"};
  }
  if (j.interval->lo > bound) {
    return {Verdict::kReproduced, "Every value lies above the bound"};
  }
  return j.interval->hi <= bound ? Ruling{Verdict::kDifferent, "No value lies above the bound"}
                                 : Ruling{Verdict::kInconclusive, "Some values lie above the bound, some do not"};
}

Ruling Decide(const Judgement& j, const Metric& metric) {
  if (BoundsValues(j.claim->rule)) {
    return RuleBound(j);
  }
  if (j.n < kMinSeeds) {
    return {Verdict::kInconclusive, TooFew(j.n)};
  }
  switch (j.claim->rule) {
    case Rule::kLower:
    case Rule::kReaches:
      return RuleDirection(j, metric);
    case Rule::kClose:
      return RuleClose(j, metric);
    case Rule::kValue:
      return RuleValue(j, metric);
    case Rule::kBelow:
    case Rule::kAbove:
      break;
  }
  return {Verdict::kInconclusive, ""};
}

// What scale, data and number of seeds allow at most.
Ruling Cap(Ruling ruling, const Judgement& j, const Measured& measured) {
  std::vector<std::string> caveats = measured.Caveats();
  if (j.n < kMinSeedsReproduced && !BoundsValues(j.claim->rule)) {
    caveats.push_back(fmt::format("{} seeds are fewer than {}", j.n, kMinSeedsReproduced));
  }
  if (ruling.verdict == Verdict::kDifferent && j.claim->rule == Rule::kValue && measured.SubstituteData()) {
    return {Verdict::kInconclusive, "A number printed for one data set says nothing about another"};
  }
  if (ruling.verdict == Verdict::kReproduced && !caveats.empty()) {
    return {Verdict::kDirectionOnly,
            fmt::format("{}; at most DIRECTION_ONLY because {}", ruling.reason, fmt::join(caveats, " and "))};
  }
  return ruling;
}

void AdjustOverTable(std::vector<Judgement>& judgements) {
  std::vector<double> p;
  for (const Judgement& j : judgements) {
    if (j.p) {
      p.push_back(*j.p);
    }
  }
  const std::vector<double> adjusted = stats::HolmAdjust(p);
  std::size_t next = 0;
  for (Judgement& j : judgements) {
    if (j.p) {
      j.p_holm = adjusted[next++];
    }
  }
}

}  // namespace

std::vector<Judgement> Judge(const Measured& measured) {
  std::vector<Judgement> judgements;
  if (!measured.item->not_run.empty()) {
    Judgement& judgement = judgements.emplace_back();
    judgement.claim = &measured.item->claims.front();
    judgement.reason = measured.item->not_run;
    return judgements;
  }
  for (const Claim& claim : measured.item->claims) {
    judgements.push_back(Weigh(measured, claim));
  }
  AdjustOverTable(judgements);
  for (Judgement& j : judgements) {
    if (j.reason.empty()) {
      const Metric& metric = measured.item->metrics[static_cast<std::size_t>(j.claim->metric)];
      Ruling ruling = Cap(Decide(j, metric), j, measured);
      j.verdict = ruling.verdict;
      j.reason = std::move(ruling.reason);
    }
  }
  return judgements;
}

}  // namespace normlab::judging
