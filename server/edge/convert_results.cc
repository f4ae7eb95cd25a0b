#include "server/edge/convert_results.h"

#include <optional>

namespace normlab::server {
namespace {

v1::Verdict ToWire(judging::Verdict verdict) {
  switch (verdict) {
    case judging::Verdict::kReproduced:
      return v1::VERDICT_REPRODUCED;
    case judging::Verdict::kDirectionOnly:
      return v1::VERDICT_DIRECTION_ONLY;
    case judging::Verdict::kDifferent:
      return v1::VERDICT_DIFFERENT;
    case judging::Verdict::kOpposed:
      return v1::VERDICT_OPPOSED;
    case judging::Verdict::kInconclusive:
      return v1::VERDICT_INCONCLUSIVE;
    case judging::Verdict::kNotRun:
      return v1::VERDICT_NOT_RUN;
  }
  return v1::VERDICT_UNSPECIFIED;
}

v1::Tier ToWire(judging::Tier tier) {
  switch (tier) {
    case judging::Tier::kExact:
      return v1::TIER_EXACT;
    case judging::Tier::kReduced:
      return v1::TIER_REDUCED;
    case judging::Tier::kSubstitute:
      return v1::TIER_SUBSTITUTE;
  }
  return v1::TIER_UNSPECIFIED;
}

v1::FigureCurve::Source ToWire(judging::FigureCurve::Source source) {
  switch (source) {
    case judging::FigureCurve::Source::kRun:
      return v1::FigureCurve::SOURCE_RUN;
    case judging::FigureCurve::Source::kMean:
      return v1::FigureCurve::SOURCE_MEAN;
    case judging::FigureCurve::Source::kPaper:
      return v1::FigureCurve::SOURCE_PAPER;
  }
  return v1::FigureCurve::SOURCE_UNSPECIFIED;
}

v1::Effect ToWire(judging::Effect effect) {
  switch (effect) {
    case judging::Effect::kValue:
      return v1::EFFECT_VALUE;
    case judging::Effect::kDifference:
      return v1::EFFECT_DIFFERENCE;
    case judging::Effect::kRatio:
      return v1::EFFECT_RATIO;
    case judging::Effect::kLargest:
      return v1::EFFECT_LARGEST;
    case judging::Effect::kSmallest:
      return v1::EFFECT_SMALLEST;
  }
  return v1::EFFECT_UNSPECIFIED;
}

// `range` has members lo and hi.
template <typename Range>
void SetInterval(const Range& range, v1::Interval& wire) {
  wire.set_lo(range.lo);
  wire.set_hi(range.hi);
}

}  // namespace

void ToWire(const judging::Item& item, const judging::Judgement& judgement, v1::ClaimVerdict& wire) {
  const judging::Claim& claim = *judgement.claim;
  const judging::Evidence& evidence = judgement.evidence;
  wire.set_claim_id(claim.id);
  wire.set_statement(claim.statement);
  wire.set_place(claim.place);
  wire.set_verdict(ToWire(judgement.verdict));
  wire.set_reason(judgement.reason);
  wire.set_question(judgement.question);
  wire.set_rule(judgement.rule);
  if (item.not_run.empty()) {
    wire.set_metric_id(item.metrics[static_cast<std::size_t>(claim.metric)].id);
    wire.set_arm_id(item.arms[static_cast<std::size_t>(claim.arm)].id);
    wire.set_than_id(claim.compares_arms() ? item.arms[static_cast<std::size_t>(claim.than)].id : "");
    wire.set_effect(ToWire(judgement.effect()));
    wire.set_tier(ToWire(judgement.tier));
  }
  wire.mutable_deviations()->Assign(judgement.deviations.begin(), judgement.deviations.end());
  wire.set_fact(claim.is_fact());
  wire.set_n(evidence.n);
  wire.set_planned(judgement.planned);
  wire.set_diverged(evidence.diverged);
  wire.set_censored(evidence.censored);
  wire.set_from(judgement.from);
  wire.set_to(judgement.to);
  wire.set_method(std::string(judging::ToString(evidence.method)));
  wire.set_median(evidence.median);
  if (evidence.estimate) {
    wire.set_estimate(*evidence.estimate);
  }
  if (evidence.interval) {
    SetInterval(*evidence.interval, *wire.mutable_interval());
    wire.set_confidence(judgement.confidence);
  }
  if (judgement.paper) {
    wire.set_paper(*judgement.paper);
  }
  if (judgement.margin) {
    SetInterval(*judgement.margin, *wire.mutable_margin());
  }
  if (evidence.p) {
    wire.set_p(*evidence.p);
  }
  if (evidence.p_exact) {
    wire.set_p_exact(*evidence.p_exact);
  }
  if (judgement.p_holm) {
    wire.set_p_holm(*judgement.p_holm);
  }
  wire.set_family(judgement.family);
  wire.set_shown(std::string(judging::ToString(evidence.shown)));
  wire.set_bound(evidence.bound);
}

void ToWire(const judging::NamedCell& named, v1::TableCell& wire) {
  const judging::Cell& cell = named.cell;
  wire.set_arm_id(named.arm->id);
  wire.set_metric_id(named.metric->id);
  wire.set_unit(named.metric->unit);
  wire.set_planned(cell.planned);
  wire.set_submitted(cell.submitted);
  wire.set_diverged(cell.diverged);
  wire.set_not_there(cell.later);
  wire.mutable_values()->Assign(cell.values.begin(), cell.values.end());
  if (cell.mean) {
    wire.set_mean(*cell.mean);
    wire.set_geometric(named.metric->as_ratios());
  }
  if (cell.interval) {
    SetInterval(cell.interval->interval, *wire.mutable_interval());
  }
  if (cell.at > 0) {
    wire.set_at(cell.at);
  }
  if (cell.paper) {
    SetInterval(*cell.paper, *wire.mutable_paper());
  }
  if (cell.paper_final) {
    SetInterval(*cell.paper_final, *wire.mutable_paper_final());
  }
}

void ToWire(const judging::FigureCurve& curve, std::size_t begin, std::size_t end, v1::FigureCurve& wire) {
  wire.set_source(ToWire(curve.source));
  wire.set_arm_id(curve.arm->id);
  wire.set_metric_id(curve.metric->id);
  wire.set_seed(curve.seed);
  wire.set_repetition(curve.repetition);
  for (std::size_t i = begin; i < end; ++i) {
    wire.add_x(curve.x[i]);
    wire.add_value(curve.value[i]);
    if (!curve.band.empty()) {
      wire.add_lo(curve.band[i].lo);
      wire.add_hi(curve.band[i].hi);
    }
  }
}

void ToWire(const std::string& item, const judging::ClaimPower& power, v1::ClaimPower& wire) {
  wire.set_item_id(item);
  wire.set_claim_id(power.claim->id);
  wire.set_statement(power.claim->statement);
  wire.set_seeds(power.seeds);
  wire.set_unknown(power.unknown);
  wire.set_fact(power.claim->is_fact());
  if (power.unknown.empty()) {
    wire.set_decides(power.decides);
    wire.set_least_seeds(power.least.value_or(0));
  }
}

}  // namespace normlab::server
