#include "results/judging/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/rule.h"
#include "results/judging/weigh_claim.h"

namespace normlab::judging {
namespace {

Rule RuleOf(const Claim& claim) {
  switch (claim.kind) {
    case ClaimKind::kLower:
    case ClaimKind::kReaches:
      return DirectionRule(Shown::kLower);
    case ClaimKind::kHigher:
      return DirectionRule(Shown::kHigher);
    case ClaimKind::kClose:
      return SizeRule(/*printed=*/false);
    case ClaimKind::kValue:
      return SizeRule(/*printed=*/true);
    case ClaimKind::kBelow:
      return BelowRule(claim.bound);
    case ClaimKind::kAbove:
      return AboveRule(claim.bound);
  }
  return {};
}

// Sets p_holm over the family, and how large it is.
void AdjustOverFamily(std::vector<Weighed>& weighed) {
  std::vector<std::optional<double>> p;
  for (const Weighed& w : weighed) {
    if (!w.judgement.claim->is_fact()) {
      p.push_back(w.judgement.evidence.p);
    }
  }
  const std::vector<double> adjusted = AdjustFamily(p);
  std::size_t next = 0;
  for (Weighed& w : weighed) {
    if (!w.judgement.claim->is_fact()) {
      w.judgement.family = static_cast<int>(p.size());
      if (w.judgement.evidence.p) {
        w.judgement.p_holm = adjusted[next];
      }
      ++next;
    }
  }
}

std::string What(const Judgement& j) {
  if (j.claim->is_fact() && j.evidence.diverged > 0) {
    return "A run diverged";
  }
  switch (j.claim->kind) {
    case ClaimKind::kReaches:
      return j.evidence.shown == Shown::kLower ? "Sooner" : "Later";
    case ClaimKind::kBelow:
      return j.verdict == Verdict::kReproduced || j.verdict == Verdict::kDirectionOnly
                 ? "Every value lies below the bound"
                 : "A value does not lie below the bound";
    case ClaimKind::kAbove:
      return j.verdict == Verdict::kReproduced || j.verdict == Verdict::kDirectionOnly
                 ? "Every value lies above the bound"
             : j.verdict == Verdict::kInconclusive ? "Some values lie above the bound, some do not"
                                                   : "No value lies above the bound";
    default:
      break;
  }
  if (j.evidence.numberless) {
    return "No run has a number to compare";
  }
  std::string text(ToString(j.evidence.shown));
  text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

std::string Reason(const Judgement& j, const Rule& rule, const Exhibit& exhibit) {
  const int n = j.evidence.n;
  if (!j.claim->is_fact() && n < kMinSeeds) {
    return fmt::format("{} seed{} cannot decide; {} are the least", n, n == 1 ? "" : "s", kMinSeeds);
  }
  const std::vector<std::string> unmet = rule.Unmet(exhibit);
  const std::string but = fmt::format("{}", fmt::join(unmet, ", "));
  switch (j.verdict) {
    case Verdict::kReproduced:
    case Verdict::kDifferent:
      return What(j);
    case Verdict::kDirectionOnly:
      return fmt::format("{}; no REPRODUCED, for {}", What(j), but.empty() ? "the protocol is not exact" : but);
    case Verdict::kOpposed:
      return fmt::format("{}; no DIFFERENT, for {}", What(j), but.empty() ? "the protocol is not exact" : but);
    default:
      return j.claim->is_fact() ? What(j) : fmt::format("Not decided: {}", but.empty() ? "no side is ahead" : but);
  }
}

void RuleOn(Weighed& weighed) {
  Judgement& j = weighed.judgement;
  const Rule rule = RuleOf(*j.claim);
  j.rule = rule.Text();
  if (weighed.decided) {
    return;
  }
  const Exhibit exhibit{.tier = j.tier,
                        .n = j.evidence.n,
                        .shown = j.evidence.shown,
                        .p_holm = j.p_holm,
                        .p_exact = j.evidence.p_exact,
                        .numberless = j.evidence.numberless,
                        .least = weighed.range ? weighed.range->lo : 0,
                        .greatest = weighed.range ? weighed.range->hi : 0};
  j.verdict = rule.Decide(exhibit);
  j.reason = Reason(j, rule, exhibit);
}

}  // namespace

std::string_view ToString(Effect effect) {
  switch (effect) {
    case Effect::kValue:
      return "value";
    case Effect::kDifference:
      return "difference";
    case Effect::kRatio:
      return "ratio";
    case Effect::kLargest:
      return "largest";
    case Effect::kSmallest:
      return "smallest";
  }
  return "";
}

Effect Judgement::effect() const {
  switch (claim->kind) {
    case ClaimKind::kValue:
      return Effect::kValue;
    case ClaimKind::kBelow:
      return Effect::kLargest;
    case ClaimKind::kAbove:
      return Effect::kSmallest;
    default:
      return claim->against_bound ? Effect::kValue : ratio ? Effect::kRatio : Effect::kDifference;
  }
}

std::vector<Judgement> Judge(const Measured& measured, const std::set<std::size_t>& set_aside) {
  std::vector<Judgement> judgements;
  if (!measured.item->not_run.empty()) {
    Judgement& judgement = judgements.emplace_back();
    judgement.claim = &measured.item->claims.front();
    judgement.reason = measured.item->not_run;
    return judgements;
  }
  std::vector<Weighed> weighed;
  for (const Claim& claim : measured.item->claims) {
    weighed.push_back(Weigh(measured, claim));
  }
  for (const std::size_t claim : set_aside) {
    weighed[claim].judgement.evidence.p.reset();
  }
  AdjustOverFamily(weighed);
  for (Weighed& w : weighed) {
    RuleOn(w);
    judgements.push_back(std::move(w.judgement));
  }
  return judgements;
}

}  // namespace normlab::judging
