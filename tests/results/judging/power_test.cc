// How likely seeds are to decide an item's claims, and budgets with more seeds than their manifest has.
#include "results/judging/power.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "results/judging/embedded.h"
#include "results/judging/paper.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {
namespace {

using testing::HasSubstr;

const Item& Figure6() {
  static const auto* manifest = [] {
    const EmbeddedPaper& paper = EmbeddedPapers().front();
    return new Manifest(*ParseManifest(paper.files.at("manifest.yaml"), "manifest.yaml", paper.files));
  }();
  return manifest->items.front();
}

std::map<std::string, ClaimPower> PowerOf(const Item& item, const Budget& budget) {
  std::map<std::string, ClaimPower> powers;
  const auto worked_out = WorkOutPower(item, budget, [] { return false; });
  EXPECT_TRUE(worked_out.ok()) << worked_out.status();
  if (worked_out.ok()) {
    for (const ClaimPower& power : *worked_out) {
      powers[power.claim->id] = power;
    }
  }
  return powers;
}

TEST(Power, OfThePapersOwnBudgetIsHighForEveryClaim) {
  for (const auto& [id, power] : PowerOf(Figure6(), *Figure6().FindBudget("paper"))) {
    EXPECT_EQ(power.unknown, "") << id;
    EXPECT_GE(power.decides, 0.9) << id;
    ASSERT_TRUE(power.least.has_value()) << id;
    EXPECT_LE(*power.least, power.seeds) << id;
  }
}

// Fewer than six can say that the direction agrees, but by the paper's own protocol REPRODUCED is what is asked for.
TEST(Power, OfThePapersOwnBudgetNeedsSixSeeds) {
  for (const auto& [id, power] : PowerOf(Figure6(), Figure6().FindBudget("paper")->WithSeeds(6))) {
    EXPECT_GE(power.least.value_or(kMinSeedsFull), kMinSeedsFull) << id;
  }
}

TEST(Power, WhatABudgetStopsBeforeIsNotKnown) {
  const auto powers = PowerOf(Figure6(), *Figure6().FindBudget("smoke"));
  EXPECT_THAT(powers.at("ln-final-error-batch-128").unknown, HasSubstr("budget smoke stops at 2 passes"));
  EXPECT_GE(powers.at("ln-faster-than-bn-batch-4").decides, 0.8);
}

// Three seeds of the quick budget decide little after the correction over twelve claims; as many as are named do, and one fewer
// does not.
TEST(Power, TheLeastNumberOfSeedsIsTheLeast) {
  const Budget& quick = *Figure6().FindBudget("quick");
  const std::string claim = "ln-faster-than-bn-batch-4";
  const ClaimPower few = PowerOf(Figure6(), quick).at(claim);
  EXPECT_EQ(few.seeds, 3);
  EXPECT_LT(few.decides, 0.5);
  ASSERT_TRUE(few.least.has_value());
  EXPECT_GT(*few.least, 3);
  const ClaimPower enough = PowerOf(Figure6(), quick.WithSeeds(*few.least)).at(claim);
  EXPECT_EQ(enough.seeds, *few.least);
  EXPECT_GE(enough.decides, kWantedPower);
  EXPECT_LT(PowerOf(Figure6(), quick.WithSeeds(*few.least - 1)).at(claim).decides, kWantedPower);
  EXPECT_EQ(enough.least, few.least) << "it does not depend on the seeds that were asked for";
}

TEST(Power, EndsWithWhoeverAsked) {
  int looks = 0;
  const auto power = WorkOutPower(Figure6(), *Figure6().FindBudget("quick"), [&] { return ++looks == 10; });
  EXPECT_EQ(power.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(looks, 10);
}

constexpr char kPrinted[] = R"(schema: 2
id: printed
title: A table with cells and no curves
items:
  it:
    title: Errors
    place: Table 1
    experiment: mnist_mlp
    x: {series: train/pass, unit: pass}
    metrics:
      error: {label: Error, series: test/error}
      other: {label: Other, series: test/other}
    arms:
      a: {label: A, fields: {norm: none}}
      b: {label: B, fields: {norm: layer}}
    table: {columns: [error], within: [0.5], rows: {a: [10], b: [8]}}
    NOISE
    budgets:
      full: {summary: all of it, exact: true, seeds: 6, end: 1, fields: {passes: 1}}
    claims:
      - {id: lower, statement: s, place: p, rule: lower, metric: error, arm: b, than: a}
      - {id: fact, statement: s, place: p, rule: below, metric: error, arm: b, bound: 100}
      - {id: unprinted, statement: s, place: p, rule: lower, metric: other, arm: b, than: a}
)";

std::map<std::string, ClaimPower> PowerOfPrinted(const std::string& noise) {
  std::string text = kPrinted;
  text.replace(text.find("NOISE"), 5, noise);
  static Manifest manifest;
  const auto parsed = ParseManifest(text, "printed.yaml", {});
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  manifest = *parsed;
  return PowerOf(manifest.items[0], manifest.items[0].budgets[0]);
}

TEST(Power, PrintedCellsWillDoForCurves) {
  const auto quiet = PowerOfPrinted("noise: {of: {error: {level: 0.1}, other: {level: 0.1}}}");
  EXPECT_EQ(quiet.at("lower").decides, 1);
  const auto loud = PowerOfPrinted("noise: {of: {error: {level: 4}}}");
  EXPECT_LT(loud.at("lower").decides, 0.3);
  EXPECT_FALSE(loud.at("lower").least.has_value()) << "more than can be asked for";
}

TEST(Power, SaysWhyItIsNotKnown) {
  const auto quiet = PowerOfPrinted("noise: {of: {error: {level: 0.1}, other: {level: 0.1}}}");
  EXPECT_THAT(quiet.at("fact").unknown, HasSubstr("a fact"));
  EXPECT_THAT(quiet.at("unprinted").unknown, HasSubstr("prints no number"));
  EXPECT_THAT(PowerOfPrinted("").at("lower").unknown, HasSubstr("does not say how runs differ"));
}

// An item with the paper's curve of one metric, from before training on, under `budget`.
ClaimPower PowerOfCurve(const std::string& metrics, const std::string& noise, const std::string& budget,
                        const std::string& claim, const std::string& printed = "error") {
  static Manifest manifest;
  const std::string text = R"(schema: 2
id: curve
title: A curve
items:
  it:
    title: Errors
    place: Figure 1
    experiment: mnist_mlp
    x: {series: train/pass, unit: pass}
    axes: {updates: {of: updates, unit: update}}
    metrics:
)" + metrics + R"(    arms:
      a: {label: A, fields: {norm: none}}
      b: {label: B, fields: {norm: layer}}
    reference: curve.csv
    noise: )" + noise + R"(
    budgets:
      full: {summary: all of it, exact: true, fields: {passes: 1}, )" +
                           budget + R"(}
    claims:
      - {id: lower, statement: s, place: p, rule: lower, arm: b, than: a, )" +
                           claim + "}\n";
  // All of `printed`, metrics with commas between, fall alike.
  const auto row = [&](const char* place, const char* value) {
    std::string cells = value;
    for (auto n = std::count(printed.begin(), printed.end(), ','); n > 0; --n) {
      cells += std::string(",") + value;
    }
    return place + cells + "\n";
  };
  const auto parsed =
      ParseManifest(text, "curve.yaml",
                    {{"curve.csv", "arm,from,to," + printed + "\n" + row("a,0,0,", "2.3") + row("a,5,5,", "1") +
                                       row("b,0,0,", "2.3") + row("b,5,5,", "0.5")}});
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  manifest = *parsed;
  return PowerOf(manifest.items[0], manifest.items[0].budgets[0]).at("lower");
}

TEST(Power, IsOfRunsThatAreEvaluatedWhereTheNoiseSays) {
  const std::string metric = "      error: {label: Error, series: test/error}\n";
  const std::string noise = "{every: 0.2, pace: 0.05, of: {error: {level: 0.01, jitter: 0.01}}}";
  const ClaimPower end = PowerOfCurve(metric, noise, "seeds: 6, end: 3.3, x_per_value: 0.2", "metric: error");
  EXPECT_EQ(end.unknown, "");
  EXPECT_EQ(end.decides, 1) << "from a curve that begins at 0, at an end between two evaluations";
  const ClaimPower early = PowerOfCurve(metric, "{every: 20, of: {error: {level: 0.01}}}", "seeds: 6, end: 2000",
                                        "metric: error, over: {from: 1, to: 30}");
  EXPECT_EQ(early.decides, 1) << "one evaluation of a hundred lies there";
  const ClaimPower never = PowerOfCurve(metric, "{every: 100, of: {error: {level: 0.01}}}", "seeds: 6, end: 2000",
                                        "metric: error, over: {from: 1, to: 30}");
  EXPECT_NE(never.unknown, "") << "nothing is evaluated there";
}

TEST(Power, IsNotKnownOfWhatAnotherMetricChoosesOrShares) {
  const std::string metrics = R"(      error: {label: Error, series: test/error}
      best: {label: Best error, series: test/error, select: best}
      chosen: {label: Chosen error, series: test/chosen, select: {at_best_of: error}}
      valid: {label: Valid error, series: valid/error}
      by_valid: {label: Error, series: test/other, select: {at_best_of: valid}}
)";
  const std::string noise = "{of: {error: {level: 0.01}, best: {level: 0.01}, by_valid: {level: 0.01}}}";
  EXPECT_EQ(PowerOfCurve(metrics, noise, "seeds: 6, end: 5", "metric: error").unknown, "");
  EXPECT_THAT(PowerOfCurve(metrics, noise, "seeds: 6, end: 5", "metric: best").unknown, HasSubstr("prints no number"));
  EXPECT_THAT(PowerOfCurve(metrics, noise, "seeds: 6, end: 5", "metric: by_valid", "by_valid").unknown,
              HasSubstr("prints no number"))
      << "nothing is printed of what chooses";
}

// Claims of times on other axes are not simulated: they stay in the family, with p = 1.
TEST(Power, UnknownClaimsMakeTheKnownHarder) {
  const std::string metrics =
      "      quiet: {label: Quiet, series: test/quiet}\n      loud: {label: Loud, series: test/loud}\n";
  const std::string noise = "{every: 0.05, of: {quiet: {level: 0.001}, loud: {level: 0.25}}}";
  const std::string budget = "seeds: 6, end: 5", known = "metric: loud";
  std::string ten = known;
  for (int i = 0; i < 10; ++i) {
    ten += fmt::format(
        "}}\n      - {{id: t{}, statement: s, place: p, rule: reaches, metric: quiet, arm: b, than: a, target: 1.5, "
        "on: updates",
        i);
  }
  const double alone = PowerOfCurve(metrics, noise, budget, known, "quiet,loud").decides;
  EXPECT_GT(alone, 0.6);
  EXPECT_LT(PowerOfCurve(metrics, noise, budget, ten, "quiet,loud").decides, alone / 2);
}

TEST(Power, HasABound) {
  const std::string metric = "      error: {label: Error, series: test/error}\n";
  EXPECT_THAT(PowerOfCurve(metric, "{of: {error: {level: 0.01}}}", "seeds: 3, end: 1e9", "metric: error").unknown,
              HasSubstr("are too many to simulate"));
}

TEST(Noise, IsChecked) {
  std::string text = kPrinted;
  text.replace(text.find("NOISE"), 5, "noise: {pace: -1, of: {eror: {level: 0.1}, error: {levle: 1}}}");
  const std::string problems = Message(ParseManifest(text, "printed.yaml", {}).status());
  EXPECT_THAT(problems, HasSubstr("items.it.noise.pace is -1"));
  EXPECT_THAT(problems, HasSubstr("items.it.noise.of.eror is not a field; did you mean error?"));
  EXPECT_THAT(problems, HasSubstr("items.it.noise.of.error.levle is not a field; did you mean level?"));
}

TEST(Difference, IsOfMetricsThatAreNone) {
  const auto error_of = [](const std::string& difference) {
    std::string text = kPrinted;
    text.replace(text.find("NOISE"), 5, "");
    const std::string other = "series: test/other";
    text.replace(text.find(other), other.size(), other + ", difference: " + difference);
    const auto parsed = ParseManifest(text, "printed.yaml", {});
    return parsed.ok() ? "" : Message(parsed.status());
  };
  EXPECT_EQ(error_of("{of: error, less: error}"), "");
  EXPECT_THAT(error_of("{of: other, less: error}"),
              HasSubstr("items.it.metrics.other.difference.of is a difference itself"));
  EXPECT_THAT(error_of("{of: error}"), HasSubstr("less is missing"));
  EXPECT_THAT(error_of("{of: error, less: error}, log: true"), HasSubstr("difference.of is of a log metric"));
}

TEST(Seeds, AreAddedBehindThoseOfTheBudget) {
  const Paper& paper = *BuiltInPapers().front();
  const auto own = *paper.Plan({"mnist"}, "quick");
  const auto more = *paper.Plan({"mnist"}, {"quick", 5});
  ASSERT_EQ(own.size(), 18u);
  ASSERT_EQ(more.size(), 30u);
  for (std::size_t i = 0; i < own.size(); ++i) {
    EXPECT_EQ(more[i].seed, own[i].seed);
    EXPECT_EQ(more[i].fields, own[i].fields);
  }
  EXPECT_EQ(paper.Plan({"mnist"}, {"paper", 7})->size(), 3 * 8 + 3 * 7u) << "at least: nothing is taken away";
  EXPECT_EQ(paper.Plan({"mnist"}, {"quick", kMostSeeds + 1}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Seeds, ThatWereAskedForAreSaid) {
  LiteralSource none;
  const Paper& paper = *BuiltInPapers().front();
  const std::string text = paper.Table("mnist", {"quick", 5}, none, Format::kMarkdown)->content;
  EXPECT_THAT(text, HasSubstr("at least 5 seeds of every arm were asked for"));
  EXPECT_THAT(text, HasSubstr("normlab reproduce layer-norm-2016 --only mnist --budget quick --seeds 5"));
}

}  // namespace
}  // namespace normlab::judging
