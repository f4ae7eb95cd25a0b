// Verdicts on synthetic curves whose truth is known.
#include "results/judging/judge.h"

#include <functional>

#include "base/rng.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/judging/cell.h"
#include "results/judging/selection.h"
#include "results/judging/summary.h"
#include "tests/results/judging/tiny_paper.h"

namespace normlab::judging {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

enum Index { kFaster, kAsGood, kFinal, kSooner };

struct Judged {
  std::unique_ptr<Manifest> manifest;
  Measured measured;
  std::vector<Judgement> judgements;
  const Judgement& operator[](std::size_t i) const { return judgements[i]; }
};

Judged JudgeManifest(const std::string& text, LiteralSource& source, std::string_view budget = "full") {
  auto manifest = ParseManifest(text, "tiny.yaml", {{"tiny.csv", kTinyReference}});
  EXPECT_TRUE(manifest.ok()) << manifest.status();
  Judged judged{std::make_unique<Manifest>(std::move(*manifest)), {}, {}};
  const Item& item = judged.manifest->items[0];
  auto measured = Measure(item, *item.FindBudget(budget), source);
  EXPECT_TRUE(measured.ok()) << measured.status();
  judged.measured = std::move(*measured);
  judged.judgements = Judge(judged.measured);
  return judged;
}
Judged JudgeTiny(LiteralSource& source, std::string_view budget = "full") {
  return JudgeManifest(kTinyManifest, source, budget);
}
Judged JudgeTruth(const Truth& truth, int seeds = 6, int passes = 10, std::string_view budget = "full") {
  LiteralSource source = TinyRuns(seeds, passes, truth);
  return JudgeTiny(source, budget);
}
constexpr Truth kOpposite{.nll_ratio = 1.5, .error_gap = 2, .normed_error = 3.5};

std::string With(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}
void SetDataset(LiteralSource& source, const std::string& dataset) {
  for (const char* arm : {"plain", "normed"}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      source.At(arm, seed).status.dataset = dataset;
    }
  }
}
void Diverge(LiteralSource& source, std::string_view arm, std::uint64_t seed) {
  source.At(arm, seed).status.succeeded = false;
  source.At(arm, seed).status.diverged = true;
}

TEST(Verdict, RunsOfOtherProgramsReproduceNothing) {
  std::string text = kTinyManifest;
  const std::string ours = "normed: {label: Normed, fields: {norm: layer}}";
  text.replace(text.find(ours), ours.size(), "normed: {label: Normed, labels: {program: torch, norm: layer}}");
  for (const std::string budget : {"full", "small"}) {
    LiteralSource source = TinyRuns(6, 10);
    ASSERT_EQ(JudgeTiny(source, budget).measured.protocol.tier == Tier::kExact, budget == "full");
    const Judged judged = JudgeManifest(text, source, budget);
    EXPECT_NE(judged.measured.protocol.tier, Tier::kExact) << budget;
    EXPECT_THAT(judged.measured.protocol.deviations,
                testing::Contains(AllOf(HasSubstr("arm Normed"), HasSubstr("norm=layer, program=torch"))));
    for (const Judgement& judgement : judged.judgements) {
      EXPECT_NE(judgement.tier, Tier::kExact) << judgement.claim->id << " " << budget;
      EXPECT_NE(judgement.verdict, Verdict::kReproduced) << judgement.claim->id << " " << budget;
    }
  }
  LiteralSource source = TinyRuns(6, 10);
  EXPECT_EQ(JudgeManifest(text, source)[kFaster].verdict, Verdict::kDirectionOnly) << "what they show is still said";
}

TEST(Verdict, WhatThePaperSaysIsReproduced) {
  const auto j = JudgeTruth({});
  for (const Judgement& judgement : j.judgements) {
    EXPECT_EQ(judgement.verdict, Verdict::kReproduced) << judgement.claim->id << ": " << judgement.reason;
    EXPECT_EQ(judgement.evidence.n, 6);
    EXPECT_EQ(judgement.family, 4);
  }
  EXPECT_NEAR(*j[kFaster].evidence.estimate, 0.5, 0.01);
  EXPECT_EQ(*j[kFaster].evidence.p_exact, 2.0 / 64);
  EXPECT_EQ(j[kFaster].from, 9);                         // the last 15 % of ten passes
  EXPECT_NEAR(*j[kFinal].evidence.estimate, 1.6, 0.02);  // mean of passes 9 and 10
  EXPECT_EQ(j[kSooner].evidence.method, Method::kStudent) << "every run came there";
}

// A claim of direction asks for the direction: another size is no fault, and no size is mentioned.
TEST(Verdict, DirectionIsJudgedWithoutSize) {
  for (const double ratio : {0.2, 0.8, 0.99}) {
    const auto j = JudgeTruth({.nll_ratio = ratio, .noise = 0.001});
    EXPECT_EQ(j[kFaster].verdict, Verdict::kReproduced) << ratio;
    EXPECT_FALSE(j[kFaster].paper);
    EXPECT_FALSE(j[kFaster].margin);
    EXPECT_THAT(j[kFaster].rule + j[kFaster].reason + j[kFaster].question, Not(HasSubstr("size")));
    EXPECT_THAT(j[kFaster].rule + j[kFaster].reason, Not(HasSubstr("margin")));
  }
}

TEST(Verdict, TheOppositeIsDifferent) {
  for (const Judgement& judgement : JudgeTruth(kOpposite).judgements) {
    EXPECT_EQ(judgement.verdict, Verdict::kDifferent) << judgement.claim->id << ": " << judgement.reason;
  }
}

TEST(Verdict, NoiseIsInconclusiveNeverEqual) {
  const auto j = JudgeTruth({.nll_ratio = 0.95, .noise = 1.0});
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_GT(*j[kFaster].p_holm, 0.05);
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kInconclusive);  // a wide interval about 0 is no equivalence
  EXPECT_EQ(j[kFinal].verdict, Verdict::kInconclusive);   // and none about the printed value
}

// Noise may not make a size easier to meet: what quiet runs miss, noisy ones must not reach.
TEST(Verdict, NoiseIsNoHelpToASize) {
  for (const double noise : {0.01, 0.1, 0.5, 2.0}) {
    EXPECT_NE(JudgeTruth({.normed_error = 2.0, .noise = noise})[kFinal].verdict, Verdict::kReproduced) << noise;
  }
}

// Seeds move both arms by a factor of up to 20; pairing takes that out. Unpaired, nothing could be said.
TEST(Verdict, RunsArePairedBySeed) {
  const auto j = JudgeTruth({.common = 3});
  EXPECT_EQ(j[kFaster].verdict, Verdict::kReproduced);
  EXPECT_LT(j[kFaster].evidence.interval->hi / j[kFaster].evidence.interval->lo, 1.1);
}

TEST(Verdict, ASmallerBudgetNeitherReproducesNorRefutes) {
  const auto j = JudgeTruth({}, 3, 4, "small");
  EXPECT_EQ(j[kFaster].verdict, Verdict::kDirectionOnly);
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kDirectionOnly);
  EXPECT_EQ(j[kAsGood].reason, "Inside the margin; no REPRODUCED, for n is 3, the protocol is reduced");
  EXPECT_EQ(j[kFinal].verdict, Verdict::kNotRun);
  EXPECT_THAT(j[kFinal].reason, HasSubstr("Needs 10 passes; budget small stops at 4 passes"));
  const auto opposite = JudgeTruth(kOpposite, 3, 4, "small");
  EXPECT_EQ(opposite[kFaster].verdict, Verdict::kOpposed);
  EXPECT_EQ(opposite[kAsGood].verdict, Verdict::kOpposed);
}

TEST(Verdict, ThreeSeedsCanRefuteNoMoreThanTheyCanSupport) {
  const std::string three = With(kTinyManifest, "exact: true, seeds: 6", "exact: true, seeds: 3");
  LiteralSource holds = TinyRuns(3, 10), opposite = TinyRuns(3, 10, kOpposite);
  EXPECT_EQ(JudgeManifest(three, holds)[kFaster].verdict, Verdict::kDirectionOnly);
  const auto j = JudgeManifest(three, opposite);
  for (const std::size_t i : {kFaster, kAsGood, kFinal}) {
    EXPECT_EQ(j[i].verdict, Verdict::kOpposed) << j[i].reason;
  }
}

TEST(Verdict, ProtocolIsWorkedOut) {
  LiteralSource source = TinyRuns(6, 10);
  EXPECT_THAT(JudgeTiny(source)[kFaster].deviations, testing::IsEmpty());
  EXPECT_EQ(JudgeTiny(source)[kFaster].tier, Tier::kExact);
  LiteralSource small = TinyRuns(3, 4);
  EXPECT_EQ(JudgeTiny(small, "small")[kFaster].tier, Tier::kReduced);
  EXPECT_THAT(JudgeTiny(small, "small")[kFaster].deviations, testing::ElementsAre("passes 4 instead of 10"));
  const std::string shorter = With(kTinyManifest, "end: 4, fields: {passes: 4}", "end: 4, fields: {passes: 10}");
  EXPECT_THAT(JudgeManifest(shorter, small, "small")[kFaster].deviations,
              testing::ElementsAre("4 passes instead of 10 passes"));
  const std::string known = With(kTinyManifest, "    metrics:", "    deviations: [another optimiser]\n    metrics:");
  EXPECT_THAT(JudgeManifest(known, source)[kFaster].deviations, testing::ElementsAre("another optimiser"));
  EXPECT_EQ(JudgeManifest(known, source)[kFaster].verdict, Verdict::kDirectionOnly);
  const std::string no_exact = With(kTinyManifest, "exact: true, ", "");
  EXPECT_EQ(JudgeManifest(no_exact, source)[kFaster].tier, Tier::kReduced);
}

TEST(Verdict, SubstituteDataIsAtMostDirectionOnly) {
  LiteralSource source = TinyRuns(6, 10);
  SetDataset(source, "fashion_mnist");
  const auto j = JudgeTiny(source);
  for (const Judgement& judgement : j.judgements) {
    EXPECT_EQ(judgement.verdict, Verdict::kDirectionOnly) << judgement.claim->id << ": " << judgement.reason;
    EXPECT_EQ(judgement.tier, Tier::kSubstitute);
    EXPECT_THAT(judgement.deviations, testing::ElementsAre("data set fashion_mnist stands in for mnist"));
  }
}

TEST(Verdict, APrintedNumberIsNotRefutedByAnotherProtocol) {
  LiteralSource source = TinyRuns(6, 10, {.normed_error = 11});
  SetDataset(source, "fashion_mnist");
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
  for (const Judgement& judgement : JudgeTiny(none).judgements) {
    EXPECT_EQ(judgement.verdict, Verdict::kNotRun);
    EXPECT_FALSE(judgement.evidence.p);
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

// Whatever came of the others, four claims are four: a family that shrinks with the data corrects too little.
TEST(Family, CountsWhatIsUndecidedOrNotRun) {
  LiteralSource source = TinyRuns(6, 10);
  source.At("plain", 4).status.succeeded = false;
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFinal].family, 4);
  EXPECT_DOUBLE_EQ(*j[kFinal].p_holm, 4 * *j[kFinal].evidence.p);
  const auto small = JudgeTruth({}, 3, 4, "small");
  ASSERT_EQ(small[kFinal].verdict, Verdict::kNotRun);
  EXPECT_GE(*small[kFaster].p_holm, 2 * *small[kFaster].evidence.p) << "sizes are in it, and claims not run";
}

TEST(Family, SizesAreInIt) {
  const auto j = JudgeTruth({});
  EXPECT_GT(*j[kAsGood].p_holm, *j[kAsGood].evidence.p);
  EXPECT_TRUE(j[kAsGood].evidence.p && j[kFinal].evidence.p);
}

TEST(Diverged, ABaselineThatDivergesCountsForTheClaim) {
  LiteralSource source = TinyRuns(6, 10);
  Diverge(source, "plain", 3);
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].evidence.n, 6);
  EXPECT_EQ(j[kFaster].evidence.diverged, 1);
  EXPECT_TRUE(j[kFaster].evidence.median);
  EXPECT_EQ(j[kFaster].evidence.method, Method::kRanks);
  EXPECT_DOUBLE_EQ(*j[kFaster].evidence.p, 2.0 / 924);
  EXPECT_EQ(j[kFaster].evidence.interval->lo, 0);  // exp(-infinity)
  EXPECT_EQ(j[kFaster].verdict, Verdict::kReproduced) << "an exact p that Holm's correction leaves";
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kInconclusive);
}

TEST(Diverged, AnArmThatDivergesCountsAgainstTheClaim) {
  LiteralSource source = TinyRuns(6, 10);
  Diverge(source, "normed", 3);
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].evidence.n, 6);
  EXPECT_GT(*j[kFaster].evidence.p, 2.0 / 924);
  EXPECT_EQ(j[kFinal].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kFinal].evidence.n, 6);
  LiteralSource all = TinyRuns(6, 10);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Diverge(all, "normed", seed);
  }
  const auto none_left = JudgeTiny(all);
  for (const std::size_t i : {kFaster, kAsGood, kFinal, kSooner}) {  // wherever they had been before
    EXPECT_EQ(none_left[i].verdict, Verdict::kDifferent) << none_left[i].reason;
  }
}

TEST(Diverged, NaNInASucceededRunSaysTheSameAsTheState) {
  for (const double wrong : std::vector<double>{NAN, HUGE_VAL}) {
    LiteralSource source = TinyRuns(6, 10), diverged = TinyRuns(6, 10);
    source.At("plain", 3).series["train/nll"].values[7] = wrong;  // and finite again afterwards
    Diverge(diverged, "plain", 3);
    const auto a = JudgeTiny(source), b = JudgeTiny(diverged);
    EXPECT_EQ(a[kFaster].evidence.p, b[kFaster].evidence.p);
    EXPECT_EQ(a[kFaster].evidence.diverged, 1);
    EXPECT_EQ(Summarize(a.measured, 0, 1).diverged, 1) << "and in the table";
    EXPECT_EQ(Summarize(a.measured, 0, 1).values.size(), 5u);
  }
}

// Identical differences have no spread: no p of 0, whatever it is that makes them so.
TEST(Verdict, IdenticalDifferencesAreNoProof) {
  const auto j = JudgeTruth({.noise = 0}, 3, 4, "small");
  EXPECT_EQ(j[kFaster].evidence.method, Method::kRanks);
  EXPECT_DOUBLE_EQ(*j[kFaster].evidence.p, 2.0 / 20);
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kAsGood].evidence.method, Method::kSigns);
  EXPECT_EQ(j[kAsGood].verdict, Verdict::kInconclusive);
}

void CutAtSix(LiteralSource& source, std::string_view arm, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (auto& [name, samples] : source.At(arm, seed).series) {
      samples.steps.resize(7);
      samples.values.resize(7);
    }
  }
}

// Normed reaches 0.1 nats at pass 4; Plain would at pass 8 and is cut off at 6 in half of its seeds.
TEST(Reaches, CensoredRunsAreKept) {
  LiteralSource source = TinyRuns(6, 10, {.noise = 0});
  CutAtSix(source, "plain", 3);
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kSooner].evidence.n, 6);
  EXPECT_EQ(j[kSooner].evidence.censored, 3);
  EXPECT_EQ(j[kSooner].evidence.method, Method::kRanks);
  EXPECT_EQ(j[kSooner].verdict, Verdict::kReproduced);
  EXPECT_EQ(j[kSooner].evidence.interval->lo, 0);
  EXPECT_NEAR(j[kSooner].evidence.interval->hi, 4.0 / 6, 1e-12);
}

TEST(Reaches, WithCensoredRunsTheOppositeIsDifferent) {
  LiteralSource source = TinyRuns(6, 10, {.nll_ratio = 2, .noise = 0});  // Plain at pass 8, Normed never
  const auto j = JudgeTiny(source);
  EXPECT_EQ(j[kSooner].evidence.censored, 6);
  EXPECT_EQ(j[kSooner].verdict, Verdict::kDifferent);
  EXPECT_EQ(j[kSooner].reason, "Later");
}

constexpr char kToALevel[] = "than: plain, target: 0.1}";
constexpr char kToTheOthersBest[] = "than: plain, target: best}";

// Plateaus with noise. If the other's best had to be reached whatever the run's own is, a fifth of these would read "later".
TEST(Reaches, TheBestOfAnArmThatIsAlikeIsNoEasierForEither) {
  constexpr int kRepetitions = 400;
  const std::string manifest = With(kTinyManifest, kToALevel, kToTheOthersBest);
  int sooner = 0, later = 0;
  for (std::uint64_t r = 0; r < kRepetitions; ++r) {
    Rng rng(7, "plateau", r);
    LiteralSource source = TinyRuns(6, 20);
    for (const char* arm : {"plain", "normed"}) {
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        for (double& value : source.At(arm, seed).series["train/nll"].values) {
          value = std::exp(0.1 * rng.Normal());
        }
      }
    }
    const Judged j = JudgeManifest(manifest, source);
    if (j[kSooner].evidence.p.value_or(1) < 0.05) {
      ++(j[kSooner].evidence.shown == Shown::kLower ? sooner : later);
    }
  }
  EXPECT_LE(sooner, 0.05 * kRepetitions);
  EXPECT_LE(later, 0.05 * kRepetitions);
}

TEST(Reaches, TheWorseOfBothBestsIsWhatBothComeTo) {
  const std::string manifest = With(kTinyManifest, kToALevel, kToTheOthersBest);
  LiteralSource better = TinyRuns(6, 10, {.nll_ratio = 0.5}), worse = TinyRuns(6, 10, {.nll_ratio = 2});
  const Judged sooner = JudgeManifest(manifest, better), later = JudgeManifest(manifest, worse);
  EXPECT_EQ(sooner[kSooner].verdict, Verdict::kReproduced);
  EXPECT_EQ(sooner[kSooner].evidence.censored, 0);
  EXPECT_EQ(later[kSooner].verdict, Verdict::kDifferent);
  EXPECT_EQ(later[kSooner].evidence.censored, 0);
}

// Whatever a baseline came to before it diverged, and if it was nothing, a whole run is sooner.
TEST(Reaches, ABaselineThatDivergedIsNotSooner) {
  const std::string manifest = With(kTinyManifest, kToALevel, kToTheOthersBest);
  for (const std::size_t points : {0, 3, 11}) {
    LiteralSource source = TinyRuns(6, 10);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      Diverge(source, "plain", seed);
      for (auto& [name, samples] : source.At("plain", seed).series) {
        samples.steps.resize(points);
        samples.values.resize(points);
      }
    }
    const Judged j = JudgeManifest(manifest, source);
    EXPECT_EQ(j[kSooner].verdict, Verdict::kReproduced) << points << ": " << j[kSooner].reason;
    EXPECT_EQ(j[kSooner].evidence.diverged, 6) << points;
  }
}

TEST(Verdict, ARunThatEndedEarlyIsNotComparedWithOneThatDidNot) {
  LiteralSource source = TinyRuns(6, 10);
  CutAtSix(source, "normed", 1);
  const Judged j = JudgeTiny(source);
  EXPECT_EQ(j[kFaster].verdict, Verdict::kInconclusive);
  EXPECT_EQ(j[kFaster].reason, "A run ended at pass 6, before pass 10");
}

TEST(Verdict, AnArmMayBeComparedWithANumber) {
  const std::string claim = "rule: lower, metric: nll, arm: normed, than: plain}";
  const auto against = [&](const std::string& bound) {
    LiteralSource source = TinyRuns(6, 10);
    return JudgeManifest(With(kTinyManifest, claim, "rule: lower, metric: nll, arm: normed, bound: " + bound + "}"),
                         source);
  };
  const Judged far = against("0.05"), near = against("0.03");
  const Judgement &below = far[kFaster], &above = near[kFaster];
  EXPECT_EQ(below.verdict, Verdict::kReproduced) << below.reason;
  EXPECT_EQ(below.effect(), Effect::kValue);
  EXPECT_NEAR(*below.evidence.estimate, 0.04, 0.003);  // nats, and not a share of the bound
  EXPECT_LT(below.evidence.interval->hi, 0.05);
  EXPECT_THAT(below.question, HasSubstr("against 0.05"));
  EXPECT_EQ(above.verdict, Verdict::kDifferent);
  EXPECT_EQ(below.family, 4) << "it is a sample, not a fact";
}

TEST(Size, WhereEveryPairHasARunThatDivergedThereIsNothingToBeEqual) {
  LiteralSource source = TinyRuns(6, 10);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Diverge(source, seed % 2 == 0 ? "normed" : "plain", seed);
  }
  Diverge(source, "normed", 1);
  EXPECT_EQ(JudgeTiny(source)[kAsGood].verdict, Verdict::kDifferent);
}

// The last tenth of ten passes that were looked at twice each is the last two values.
TEST(Selection, AUnitOfXHasAllItsEvaluations) {
  const Metric error{};
  const Curve twice_a_pass{{8.5, 9, 9.5, 10}, {1, 2, 3, 5}};
  EXPECT_EQ(MeanOver(twice_a_pass, error, 10, 10), 4);
  EXPECT_EQ(MeanOver(twice_a_pass, error, 9, 10), 2.75);
  EXPECT_EQ(MeanOver(Curve{{8, 9, 10}, {1, 2, 3}}, error, 9, 10), 2.5) << "as it is where passes are whole";
}

TEST(Cell, BesideRunsThatFinishedOnlySuchRunsCount) {
  LiteralSource source = TinyRuns(6, 10);
  source.At("plain", 2).status.succeeded = false;  // it failed on its way, for no reason of its numbers
  CutAtSix(source, "plain", 2);
  source.At("plain", 1).status.succeeded = false;
  const Judged j = JudgeTiny(source);
  EXPECT_EQ(Summarize(j.measured, 0, 1).values.size(), 4u);
}

TEST(Reaches, ARatioOfTimesIsASize) {
  const std::string claim = "rule: reaches, metric: nll, arm: normed, than: plain, target: 0.1}";
  const auto sized = [&](const std::string& size) {
    LiteralSource source = TinyRuns(6, 10);
    return JudgeManifest(
        With(kTinyManifest, claim, "rule: close, metric: nll, arm: normed, than: plain, target: 0.1, " + size + "}"),
        source)[kSooner];
  };
  EXPECT_EQ(sized("ratio: 0.5, within: 1.3").verdict, Verdict::kReproduced);
  EXPECT_EQ(sized("ratio: 0.9, within: 1.1").verdict, Verdict::kDifferent);
  EXPECT_EQ(sized("ratio: 0.5, within: 1.3").paper, 0.5);
}

// The same runs, told the other way round: accuracy instead of error.
TEST(Better, HigherIsTheMirrorOfLower) {
  std::string text =
      With(kTinyManifest, "series: test/error, scale: 100", "series: test/accuracy, scale: 100, better: higher");
  text = With(text, "value: 1.5", "value: -1.5");
  const std::string claim = "{id: faster, statement: Normed trains faster than Plain, rule: lower, metric: nll,";
  for (const Truth& truth : {Truth{.error_gap = -0.4}, Truth{.error_gap = 0.4}}) {
    for (const bool diverged : {false, true}) {
      LiteralSource source = TinyRuns(6, 10, truth);
      for (const char* arm : {"plain", "normed"}) {
        for (std::uint64_t seed = 1; seed <= 6; ++seed) {
          auto& series = source.At(arm, seed).series;
          series["test/accuracy"] = series["test/error"];
          for (double& value : series["test/accuracy"].values) {
            value = -value;
          }
        }
      }
      if (diverged) {
        Diverge(source, "plain", 2);
      }
      const auto lower =
          JudgeManifest(With(kTinyManifest, claim, "{id: f, statement: s, rule: lower, metric: error,"), source);
      const auto higher = JudgeManifest(With(With(text, "    reference: tiny.csv\n", ""), claim,
                                             "{id: f, statement: s, rule: higher, metric: error,"),
                                        source);
      EXPECT_EQ(lower[kFaster].verdict, higher[kFaster].verdict);
      EXPECT_EQ(lower[kFaster].evidence.p, higher[kFaster].evidence.p);
      EXPECT_NE(lower[kFaster].evidence.shown, higher[kFaster].evidence.shown);
      EXPECT_EQ(lower[kAsGood].verdict, higher[kAsGood].verdict);
      EXPECT_EQ(lower[kFinal].verdict, higher[kFinal].verdict);
      if (!diverged) {
        EXPECT_DOUBLE_EQ(*lower[kFinal].evidence.estimate, -*higher[kFinal].evidence.estimate);
        EXPECT_DOUBLE_EQ(lower[kFinal].evidence.interval->lo, -higher[kFinal].evidence.interval->hi);
      }
    }
  }
}

// What a budget cuts off a stretch is said, and the stretch is no longer the paper's.
TEST(Over, IsNeverCutInSilence) {
  const std::string claim = "rule: lower, metric: nll, arm: normed, than: plain}";
  const auto over = [&](const std::string& more) {
    return With(kTinyManifest, claim,
                "rule: lower, metric: nll, arm: normed, than: plain, over: {from: 1, to: 8}" + more + "}");
  };
  LiteralSource source = TinyRuns(3, 4);
  EXPECT_EQ(JudgeManifest(over(""), source, "small")[kFaster].verdict, Verdict::kNotRun);
  const auto cut = JudgeManifest(over(", needs: 2"), source, "small");
  EXPECT_THAT(cut[kFaster].deviations,
              testing::ElementsAre("passes 4 instead of 10", "judged over passes 1 to 4 of passes 1 to 8"));
  const auto beyond = ParseManifest(With(over(""), "to: 8", "to: 12"), "tiny.yaml", {{"tiny.csv", kTinyReference}});
  EXPECT_THAT(Message(beyond.status()), HasSubstr("claims[0].over goes to 12; budget full ends at 10"));
}

// Cells and claims take their number by the same rule. Test error of Normed is 1.5 % at pass 10 and 0.2 % more for each pass
// before, but 1.1 % at pass 5; its train NLL is best at pass 6.
TEST(Select, CellAndClaimAreTheSameNumber) {
  const std::pair<const char*, double> selects[] = {
      {"last", 1.5}, {"best", 1.1}, {"{mean_of_last: 0.3}", 1.7}, {"{at: 7}", 2.1}, {"{at_best_of: nll}", 2.3}};
  for (const auto& [select, expected] : selects) {
    LiteralSource source = TinyRuns(6, 10);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      source.At("normed", seed).series["train/nll"].values[6] = 1e-3;
      source.At("normed", seed).series["test/error"].values[5] = 0.011;
    }
    const auto j = JudgeManifest(
        With(kTinyManifest, "digits: 2, select: {mean_of_last: 0.15}", std::string("digits: 2, select: ") + select),
        source);
    EXPECT_NEAR(*Summarize(j.measured, 1, 0).mean, *j[kFinal].evidence.estimate, 1e-12) << select;
    EXPECT_NEAR(*j[kFinal].evidence.estimate, expected, 0.03) << select;
  }
}

TEST(Summary, FactsAreCountedApartFromSamples) {
  const std::string text =
      std::string(kTinyManifest) +
      "      - {id: fact, statement: It is below two, rule: below, metric: nll, arm: normed, bound: 2}\n"
      "      - {id: wrong, statement: It is below zero, rule: below, metric: nll, arm: normed, bound: 1e-9}\n";
  LiteralSource source = TinyRuns(6, 10);
  const auto j = JudgeManifest(text, source);
  EXPECT_EQ(j[kFaster].family, 4) << "facts are in no family";
  Summary summary;
  Add(j.judgements, summary);
  EXPECT_EQ(SummaryText(summary), "1 of 2 facts hold; of 4 claims 4 REPRODUCED");
}

TEST(Rules, AreWrittenOut) {
  const auto j = JudgeTruth({});
  EXPECT_EQ(j[kFaster].question, "Train NLL, mean of passes 9 to 10: ratio of runs paired by seed");
  EXPECT_EQ(j[kFaster].rule,
            "REPRODUCED if lower, Holm p < 0.05, exact p < 0.05, n >= 6, protocol exact; DIFFERENT if higher, Holm p < "
            "0.05, exact p < 0.05, n >= 6, protocol exact; DIRECTION_ONLY if lower, Holm p < 0.05; OPPOSED if higher, "
            "Holm p < 0.05; else INCONCLUSIVE");
  EXPECT_THAT(j[kAsGood].rule, HasSubstr("REPRODUCED if inside the margin, Holm p < 0.05, n >= 6, protocol exact"));
  EXPECT_EQ(j[kFinal].question, "Test error, mean of passes 9 to 10");
  EXPECT_EQ(j[kSooner].question,
            "first pass at which Train NLL is at 0.10 nats or below, as seen to pass 10: ratio of runs paired by seed");
}

}  // namespace
}  // namespace normlab::judging
