// Verdicts on synthetic curves whose truth is known.
#include "results/judging/judge.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/results/judging/tiny_paper.h"

namespace normlab::judging {
namespace {

using ::testing::HasSubstr;

enum Index { kFaster, kAsGood, kFinal, kSooner };

std::vector<Judgement> JudgeTiny(LiteralSource& source, std::string_view budget = "full") {
  static const Manifest* manifest =
      new Manifest(*ParseManifest(kTinyManifest, "tiny.yaml", {{"tiny.csv", kTinyReference}}));
  const auto measured = Measure(manifest->items[0], *manifest->items[0].FindBudget(budget), source);
  EXPECT_TRUE(measured.ok()) << measured.status();
  return Judge(*measured);
}
std::vector<Judgement> JudgeTruth(const Truth& truth, int seeds = 6, int passes = 10,
                                  std::string_view budget = "full") {
  LiteralSource source = TinyRuns(seeds, passes, truth);
  return JudgeTiny(source, budget);
}

TEST(Verdict, WhatThePaperSaysIsReproduced) {
  const auto j = JudgeTruth({});
  for (const Judgement& judgement : j) {
    EXPECT_EQ(judgement.verdict, Verdict::kReproduced) << judgement.claim->id << ": " << judgement.reason;
    EXPECT_EQ(judgement.n, 6);
  }
  EXPECT_NEAR(*j[kFaster].effect, 0.5, 0.01);
  EXPECT_NEAR(*j[kFaster].paper, 0.5, 1e-12);
  EXPECT_EQ(*j[kFaster].p_exact, 2.0 / 64);
  EXPECT_EQ(j[kFaster].from, 9);              // the last 15 % of ten passes
  EXPECT_NEAR(*j[kFinal].effect, 1.6, 0.02);  // mean of passes 9 and 10
  EXPECT_TRUE(j[kSooner].median);
}

TEST(Verdict, AnotherSizeIsDirectionOnly) {
  const auto j = JudgeTruth({.nll_ratio = 0.8});
  EXPECT_EQ(j[kFaster].verdict, Verdict::kDirectionOnly);
  EXPECT_THAT(j[kFaster].reason, HasSubstr("outside the prediction interval"));
}

TEST(Verdict, TheOppositeIsDifferent) {
  const auto j = JudgeTruth({.nll_ratio = 1.5, .error_gap = 2, .normed_error = 3.5});
  for (const Judgement& judgement : j) {
    EXPECT_EQ(judgement.verdict, Verdict::kDifferent) << judgement.claim->id << ": " << judgement.reason;
  }
}

TEST(Verdict, AShownTieIsDifferentFromAClaimedGap) {
  const auto j = JudgeTruth({.nll_ratio = 1.0, .noise = 0.01});
  EXPECT_EQ(j[kFaster].verdict, Verdict::kDifferent);
  EXPECT_THAT(j[kFaster].reason, HasSubstr("tie"));
}

TEST(Verdict, NoiseIsInconclusiveNeverEqual) {
  const auto j = JudgeTruth({.nll_ratio = 0.95, .noise = 1.0});
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_GT(*j[kFaster].p_holm, 0.05);
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kInconclusive);  // a wide interval about 0 is no equivalence
  EXPECT_EQ(j[kFinal].verdict, Verdict::kInconclusive);   // and none about the printed value
}

// Seeds move both arms by a factor of up to 20; pairing takes that out. Unpaired, nothing could be said.
TEST(Verdict, RunsArePairedBySeed) {
  const auto j = JudgeTruth({.common = 3});
  EXPECT_EQ(j[kFaster].verdict, Verdict::kReproduced);
  EXPECT_LT(j[kFaster].interval->hi / j[kFaster].interval->lo, 1.1);
}

TEST(Verdict, ASmallerBudgetIsAtMostDirectionOnly) {
  const auto j = JudgeTruth({}, 3, 4, "small");
  EXPECT_EQ(j[kFaster].verdict, Verdict::kDirectionOnly);
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kDirectionOnly);
  EXPECT_THAT(j[kAsGood].reason, HasSubstr("budget small is smaller than the paper's"));
  EXPECT_EQ(j[kFinal].verdict, Verdict::kNotRun);
  EXPECT_THAT(j[kFinal].reason, HasSubstr("Needs 10 passes; budget small stops at 4 passes"));
  EXPECT_EQ(j[kSooner].verdict, Verdict::kInconclusive);  // the sign test cannot decide with three pairs
}

TEST(Verdict, SubstituteDataIsAtMostDirectionOnly) {
  LiteralSource source = TinyRuns(6, 10);
  for (const char* arm : {"plain", "normed"}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      source.At(arm, seed).status.dataset = "fashion_mnist";
    }
  }
  for (const Judgement& judgement : JudgeTiny(source)) {
    EXPECT_EQ(judgement.verdict, Verdict::kDirectionOnly) << judgement.claim->id << ": " << judgement.reason;
    EXPECT_THAT(judgement.reason, HasSubstr("data set fashion_mnist stands in for mnist"));
  }
}

TEST(Verdict, ANumberOfAnotherDataSetIsNotCalledDifferent) {
  LiteralSource source = TinyRuns(6, 10, {.normed_error = 11});
  for (const char* arm : {"plain", "normed"}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      source.At(arm, seed).status.dataset = "fashion_mnist";
    }
  }
  EXPECT_EQ(JudgeTiny(source)[kFinal].verdict, Verdict::kInconclusive);
}

TEST(Verdict, RunsOnDifferentDataAreNotCompared) {
  LiteralSource source = TinyRuns(6, 10);
  source.At("plain", 2).status.dataset = "fashion_mnist";
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_THAT(j[kFaster].reason, HasSubstr("different data sets: fashion_mnist, mnist"));
}

TEST(Verdict, NothingSubmittedIsNotRun) {
  LiteralSource none;
  for (const Judgement& judgement : JudgeTiny(none)) {
    EXPECT_EQ(judgement.verdict, Verdict::kNotRun);
    EXPECT_FALSE(judgement.p);
  }
}

TEST(Verdict, UnfinishedRunsAreWaitedFor) {
  LiteralSource source = TinyRuns(6, 10);
  source.At("plain", 4).status.succeeded = false;
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kFaster].reason, "11 of 12 runs have finished");
  EXPECT_EQ(j[kFinal].verdict, Verdict::kReproduced);  // it needs the other arm only
}

// A diverged run stays in: as the worst of its pair, by sign test and median.
TEST(Verdict, ADivergedBaselineCountsForTheClaim) {
  LiteralSource source = TinyRuns(6, 10);
  source.At("plain", 3).status.succeeded = false;
  source.At("plain", 3).status.diverged = true;
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].n, 6);
  EXPECT_TRUE(j[kFaster].median);
  EXPECT_EQ(*j[kFaster].p, 2.0 / 64);
  EXPECT_EQ(j[kFaster].interval->lo, 0);  // exp(-infinity)
  // Two sign tests of six pairs in one table: Holm leaves 4/64 of each. More seeds would decide.
  EXPECT_EQ(*j[kFaster].p_holm, 4.0 / 64);
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kInconclusive);
}

TEST(Verdict, ADivergedArmCountsAgainstTheClaim) {
  LiteralSource source = TinyRuns(6, 10);
  source.At("normed", 3).status.succeeded = false;
  source.At("normed", 3).status.diverged = true;
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].n, 6);
  EXPECT_EQ(*j[kFaster].p, 14.0 / 64);  // five of six
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kFinal].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kFinal].n, 6);
}

// Normed reaches 0.1 nats at pass 4; Plain would at pass 8 and is cut off at 6 in half of its seeds.
TEST(Verdict, CensoredRunsAreKept) {
  LiteralSource source = TinyRuns(6, 10, {.noise = 0});
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (auto& [name, samples] : source.At("plain", seed).series) {
      samples.steps.resize(7);
      samples.values.resize(7);
    }
  }
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kSooner].n, 6);
  EXPECT_EQ(j[kSooner].verdict, Verdict::kReproduced);
  EXPECT_EQ(j[kSooner].interval->lo, 0);
  EXPECT_NEAR(j[kSooner].interval->hi, 4.0 / 6, 1e-12);
}

// Five claims of the same strength: with six seeds no exact p survives Holm, so direction rests on Student's p.
TEST(Holm, AdjustsOverTheClaimsOfTheTable) {
  const auto j = JudgeTruth({.nll_ratio = 0.9, .noise = 0.08});
  ASSERT_TRUE(j[kFaster].p && j[kSooner].p);
  EXPECT_GE(*j[kFaster].p_holm, *j[kFaster].p);
  EXPECT_GE(*j[kSooner].p_holm, *j[kSooner].p);
  EXPECT_TRUE(*j[kFaster].p_holm == 2 * *j[kFaster].p || *j[kSooner].p_holm == 2 * *j[kSooner].p);
}

TEST(Rules, AreWrittenOut) {
  const auto j = JudgeTruth({});
  EXPECT_THAT(j[kFaster].rule, HasSubstr("over passes 9 to 10"));
  EXPECT_THAT(j[kFaster].rule, HasSubstr("Holm-adjusted Student p < 0.05"));
  EXPECT_THAT(j[kAsGood].rule, HasSubstr("wholly inside ±0.5 %"));
  EXPECT_THAT(j[kFinal].rule, HasSubstr("within 0.3 % of the printed value"));
  EXPECT_THAT(j[kSooner].rule, HasSubstr("at most 0.1 nats"));
}

}  // namespace
}  // namespace normlab::judging
