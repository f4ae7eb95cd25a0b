// The printed rule against the code that applies it.
#include "results/judging/rule.h"

#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"

namespace normlab::judging {
namespace {

// What a reader of the printed rule would decide: the text is all he has.
bool TextHolds(const std::string& condition, const Exhibit& e) {
  const auto number = [&](std::string_view before) { return std::stod(condition.substr(before.size())); };
  const auto starts = [&](std::string_view with) { return condition.starts_with(with); };
  if (condition == "lower" || condition == "higher" || condition == "inside the margin" ||
      condition == "outside the margin") {
    return ToString(e.shown) == condition;
  }
  if (starts("Holm p < ")) {
    return e.p_holm && *e.p_holm < number("Holm p < ");
  }
  if (starts("exact p < ")) {
    return e.p_exact && *e.p_exact < number("exact p < ");
  }
  if (starts("n >= ")) {
    return e.n >= number("n >= ");
  }
  if (condition == "protocol exact") {
    return e.tier == Tier::kExact;
  }
  if (condition == "no run has a number") {
    return e.numberless;
  }
  if (starts("every value < ")) {
    return e.greatest < number("every value < ");
  }
  if (starts("not every value < ")) {
    return !(e.greatest < number("not every value < "));
  }
  if (starts("every value > ")) {
    return e.least > number("every value > ");
  }
  if (starts("no value > ")) {
    return e.greatest <= number("no value > ");
  }
  ADD_FAILURE() << "a condition that says nothing to a reader: " << condition;
  return false;
}

std::vector<std::string> Split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t at = text.find(by); at != std::string::npos; at = text.find(by, from)) {
    parts.push_back(text.substr(from, at - from));
    from = at + by.size();
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::string DecideByText(const std::string& rule, const Exhibit& exhibit) {
  for (const std::string& clause : Split(rule, "; ")) {
    const std::vector<std::string> halves = Split(clause, " if ");
    if (halves.size() == 1) {
      EXPECT_TRUE(clause.starts_with("else "));
      return clause.substr(5);
    }
    bool all = true;
    for (const std::string& condition : Split(halves[1], ", ")) {
      all = all && TextHolds(condition, exhibit);
    }
    if (all) {
      return halves[0];
    }
  }
  return "";
}

Exhibit RandomExhibit(Rng& rng) {
  const auto p = [&]() -> std::optional<double> {
    const double values[] = {0.001, 0.049, 0.05, 0.051, 0.5};
    return rng.Below(6) == 0 ? std::nullopt : std::optional(values[rng.Below(5)]);
  };
  Exhibit e;
  e.tier = static_cast<Tier>(rng.Below(3));
  e.n = 3 + static_cast<int>(rng.Below(6));
  e.shown = static_cast<Shown>(rng.Below(5));
  e.p_holm = p();
  e.p_exact = p();
  e.numberless = rng.Below(8) == 0;
  const double bounds[] = {0.5, 1, 1.5, NAN};
  e.least = bounds[rng.Below(4)];
  e.greatest = std::isnan(e.least) ? NAN : std::max(e.least, bounds[rng.Below(3)]);
  return e;
}

TEST(Rule, TheTextDecidesAsTheCodeDoes) {
  const Rule rules[] = {DirectionRule(Shown::kLower),
                        DirectionRule(Shown::kHigher),
                        SizeRule(false),
                        SizeRule(true),
                        BelowRule(1),
                        AboveRule(1)};
  std::set<Verdict> seen;
  for (const Rule& rule : rules) {
    for (std::uint64_t i = 0; i < 3000; ++i) {
      Rng rng(7, "rule", i);
      const Exhibit exhibit = RandomExhibit(rng);
      const Verdict verdict = rule.Decide(exhibit);
      ASSERT_EQ(ToString(verdict), DecideByText(rule.Text(), exhibit)) << rule.Text();
      seen.insert(verdict);
    }
  }
  EXPECT_EQ(seen.size(), 5u) << "every verdict but NOT_RUN";
}

TEST(Rule, OnlyThePapersProtocolReproducesOrRefutes) {
  for (const Rule& rule : {DirectionRule(Shown::kLower), SizeRule(false), SizeRule(true), BelowRule(1), AboveRule(1)}) {
    for (std::uint64_t i = 0; i < 3000; ++i) {
      Rng rng(8, "rule", i);
      Exhibit exhibit = RandomExhibit(rng);
      exhibit.tier = Tier::kReduced;
      const Verdict verdict = rule.Decide(exhibit);
      EXPECT_TRUE(verdict != Verdict::kReproduced && verdict != Verdict::kDifferent);
    }
  }
}

TEST(Rule, SaysWhatIsMissing) {
  const Exhibit exhibit{.tier = Tier::kReduced, .n = 3, .shown = Shown::kLower, .p_holm = 0.01, .p_exact = 0.25};
  EXPECT_EQ(DirectionRule(Shown::kLower).Unmet(exhibit),
            (std::vector<std::string>{"exact p is 0.25", "n is 3", "the protocol is reduced"}));
}

}  // namespace
}  // namespace normlab::judging
