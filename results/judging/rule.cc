#include "results/judging/rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/report/number.h"

namespace normlab::judging {
namespace {

using Kind = Condition::Kind;
using report::Exact;

const Condition kPaper{Kind::kPaper};
const Condition kHolm{Kind::kHolm, kSignificance};
const Condition kGuard{Kind::kGuard, kSignificance};
const Condition kSeeds{Kind::kSeeds, kMinSeedsFull};

Condition Shows(Shown shown) { return {Kind::kShown, 0, shown}; }

std::string PText(const std::optional<double>& p) { return p ? report::Significant(*p, 2) : "not there"; }

Rule BoundRule(const Condition& holds, const Condition& breaks) {
  return {{{Verdict::kReproduced, {holds, kPaper}},
           {Verdict::kDifferent, {breaks, kPaper}},
           {Verdict::kDirectionOnly, {holds}},
           {Verdict::kOpposed, {breaks}}}};
}

}  // namespace

bool Condition::Holds(const Exhibit& exhibit) const {
  switch (kind) {
    case Kind::kShown:
      return exhibit.shown == shown;
    case Kind::kHolm:
      return exhibit.p_holm && *exhibit.p_holm < number;
    case Kind::kGuard:
      return exhibit.p_exact && *exhibit.p_exact < number;
    case Kind::kSeeds:
      return exhibit.n >= number;
    case Kind::kPaper:
      return exhibit.tier == Tier::kExact;
    case Kind::kNumberless:
      return exhibit.numberless;
    case Kind::kAllBelow:
      return exhibit.greatest < number;
    case Kind::kNotAllBelow:
      return !(exhibit.greatest < number);
    case Kind::kAllAbove:
      return exhibit.least > number;
    case Kind::kNoneAbove:
      return exhibit.greatest <= number;
  }
  return false;
}

std::string Condition::Text() const {
  switch (kind) {
    case Kind::kShown:
      return std::string(ToString(shown));
    case Kind::kHolm:
      return fmt::format("Holm p < {}", number);
    case Kind::kGuard:
      return fmt::format("exact p < {}", number);
    case Kind::kSeeds:
      return fmt::format("n >= {}", number);
    case Kind::kPaper:
      return "protocol exact";
    case Kind::kNumberless:
      return "no run has a number";
    case Kind::kAllBelow:
      return fmt::format("every value < {}", Exact(number));
    case Kind::kNotAllBelow:
      return fmt::format("not every value < {}", Exact(number));
    case Kind::kAllAbove:
      return fmt::format("every value > {}", Exact(number));
    case Kind::kNoneAbove:
      return fmt::format("no value > {}", Exact(number));
  }
  return "";
}

std::string Condition::Unmet(const Exhibit& exhibit) const {
  switch (kind) {
    case Kind::kHolm:
      return fmt::format("Holm p is {}", PText(exhibit.p_holm));
    case Kind::kGuard:
      return fmt::format("exact p is {}", PText(exhibit.p_exact));
    case Kind::kSeeds:
      return fmt::format("n is {}", exhibit.n);
    case Kind::kPaper:
      return fmt::format("the protocol is {}", ToString(exhibit.tier));
    default:
      return fmt::format("not: {}", Text());
  }
}

Verdict Rule::Decide(const Exhibit& exhibit) const {
  const auto decides = std::find_if(clauses.begin(), clauses.end(), [&](const Clause& clause) {
    return std::all_of(clause.conditions.begin(), clause.conditions.end(),
                       [&](const Condition& condition) { return condition.Holds(exhibit); });
  });
  return decides == clauses.end() ? Verdict::kInconclusive : decides->verdict;
}

std::string Rule::Text() const {
  std::string text;
  for (const Clause& clause : clauses) {
    std::string conditions;
    for (const Condition& condition : clause.conditions) {
      conditions += fmt::format("{}{}", conditions.empty() ? "" : ", ", condition.Text());
    }
    text += fmt::format("{} if {}; ", ToString(clause.verdict), conditions);
  }
  return text + fmt::format("else {}", ToString(Verdict::kInconclusive));
}

std::vector<std::string> Rule::Unmet(const Exhibit& exhibit) const {
  const auto about_it = std::find_if(clauses.begin(), clauses.end(), [&](const Clause& clause) {
    return std::any_of(clause.conditions.begin(), clause.conditions.end(),
                       [&](const Condition& c) { return c.kind == Kind::kShown && c.Holds(exhibit); });
  });
  std::vector<std::string> unmet;
  if (about_it != clauses.end()) {
    for (const Condition& condition : about_it->conditions) {
      if (!condition.Holds(exhibit)) {
        unmet.push_back(condition.Unmet(exhibit));
      }
    }
  }
  return unmet;
}

Rule DirectionRule(Shown claimed) {
  const Shown opposite = claimed == Shown::kLower ? Shown::kHigher : Shown::kLower;
  return {{{Verdict::kReproduced, {Shows(claimed), kHolm, kGuard, kSeeds, kPaper}},
           {Verdict::kDifferent, {Shows(opposite), kHolm, kGuard, kSeeds, kPaper}},
           {Verdict::kDirectionOnly, {Shows(claimed), kHolm}},
           {Verdict::kOpposed, {Shows(opposite), kHolm}}}};
}

Rule SizeRule(bool printed) {
  Rule rule{{{Verdict::kReproduced, {Shows(Shown::kInside), kHolm, kSeeds, kPaper}},
             {Verdict::kDifferent, {Shows(Shown::kOutside), kHolm, kSeeds, kPaper}},
             {Verdict::kDifferent, {{Kind::kNumberless}, kSeeds, kPaper}},
             {Verdict::kDirectionOnly, {Shows(Shown::kInside), kHolm}},
             {Verdict::kOpposed, {Shows(Shown::kOutside), kHolm}}}};
  if (printed) {
    rule.clauses.back().conditions.push_back(kPaper);
  }
  return rule;
}

Rule BelowRule(double bound) { return BoundRule({Kind::kAllBelow, bound}, {Kind::kNotAllBelow, bound}); }

Rule AboveRule(double bound) { return BoundRule({Kind::kAllAbove, bound}, {Kind::kNoneAbove, bound}); }

}  // namespace normlab::judging
