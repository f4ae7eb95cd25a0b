// rule.h - how evidence becomes a verdict: a table of clauses, from which both the decision and the printed rule come.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/judging/evidence.h"
#include "results/judging/verdict.h"

namespace normlab::judging {

// What a rule looks at.
struct Exhibit {
  Tier tier = Tier::kExact;
  int n = 0;
  Shown shown = Shown::kNothing;
  std::optional<double> p_holm;
  std::optional<double> p_exact;
  bool numberless = false;
  double least = 0, greatest = 0;  // of all values; of rules that bound them
};

struct Condition {
  enum class Kind {
    kShown,        // evidence speaks for `shown`
    kHolm,         // Holm p < number
    kGuard,        // exact p < number
    kSeeds,        // n >= number
    kPaper,        // protocol exact
    kNumberless,   // no run has a number
    kAllBelow,     // greatest < number
    kNotAllBelow,  // and not so
    kAllAbove,     // least > number
    kNoneAbove,    // greatest <= number
  };
  Kind kind;
  double number = 0;
  Shown shown = Shown::kNothing;

  bool Holds(const Exhibit& exhibit) const;
  std::string Text() const;                         // "Holm p < 0.05"
  std::string Unmet(const Exhibit& exhibit) const;  // "Holm p is 0.09"
};

struct Clause {
  Verdict verdict;
  std::vector<Condition> conditions;  // all of which must hold
};

// The first clause whose conditions hold decides; none: INCONCLUSIVE.
struct Rule {
  std::vector<Clause> clauses;

  Verdict Decide(const Exhibit& exhibit) const;
  std::string Text() const;  // "REPRODUCED if lower, Holm p < 0.05, ...; DIFFERENT if ...; else INCONCLUSIVE"
  // What stands between the exhibit and REPRODUCED (DIFFERENT, where it speaks against the claim); empty: nothing.
  std::vector<std::string> Unmet(const Exhibit& exhibit) const;
};

// `claimed` is kLower or kHigher.
Rule DirectionRule(Shown claimed);
// `printed`: the claim is about a number as printed, which runs of another protocol may meet but cannot refute.
Rule SizeRule(bool printed);
// Facts of arithmetic, not of samples: they ask for no number of seeds.
Rule BelowRule(double bound);
Rule AboveRule(double bound);

}  // namespace normlab::judging
