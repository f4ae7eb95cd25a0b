// Arms, places, differences with known answers, and what is done with runs that diverged or are there twice.
#include "results/judging/comparison.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tests/results/judging/literal_jobs.h"

namespace normlab::judging {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kError = {"test/error"};

std::vector<std::string> Labels(const Comparison& comparison) {
  std::vector<std::string> labels;
  for (const Comparison::Arm& arm : comparison.arms) {
    labels.push_back(arm.label);
  }
  return labels;
}

TEST(Compare, ArmsAreConfigurationsCalledByWhatTellsThemApart) {
  Comparison comparison = Compare(
      {MakeJob("j1", "layer", 2, {{1}}), MakeJob("j2", "none", 1, {{2}}), MakeJob("j3", "layer", 1, {{3}})}, kError);
  EXPECT_THAT(Labels(comparison), ElementsAre("norm=layer", "norm=none"));
  EXPECT_THAT(comparison.arms[0].jobs, ElementsAre(2u, 0u)) << "in the order of their seeds";

  ComparedJob other = MakeJob("j4", "none", 1, {{2}});
  other.experiment = "draw";
  comparison = Compare({MakeJob("j1", "layer", 1, {{1}}), other}, kError);
  EXPECT_THAT(Labels(comparison), ElementsAre("mnist_mlp", "draw"));

  EXPECT_THAT(Labels(Compare({MakeJob("j1", "layer", 1, {{1}})}, kError)), ElementsAre("mnist_mlp"));
}

TEST(Compare, TwoArmsOfOneNameAreToldApartByTheirJobs) {
  ComparedJob draw = MakeJob("j2", "none", 1, {{2}});
  draw.experiment = "draw";
  const Comparison comparison =
      Compare({MakeJob("j1", "layer", 1, {{1}}), MakeJob("j3", "none", 1, {{1}}), draw}, kError);
  EXPECT_THAT(Labels(comparison), ElementsAre("mnist_mlp (j1)", "mnist_mlp (j3)", "draw"));
}

TEST(Compare, ValuesAreThoseOfTheLastStepEveryRunHasReached) {
  const Comparison comparison =
      Compare({MakeJob("j1", "layer", 1, {{5, 1, 3, 0}}), MakeJob("j2", "layer", 2, {{7, 2, 4}})}, kError);
  const Comparison::Row& row = comparison.rows[0];
  EXPECT_EQ(row.at, 30);
  EXPECT_THAT(row.cells[0].values, ElementsAre(3, 4)) << "not 0, which the other run has not reached";
  EXPECT_EQ(row.cells[0].mean, 3.5);
  EXPECT_EQ(row.cells[0].best, 1.5);
}

TEST(Compare, ARunThatHadNoNumberOnItsWayDiverged) {
  const Comparison comparison =
      Compare({MakeJob("j1", "layer", 1, {{5, 1, 3}}), MakeJob("j2", "layer", 2, {{7, NAN, 4}})}, kError);
  EXPECT_THAT(comparison.rows[0].cells[0].values, ElementsAre(3));
  EXPECT_EQ(comparison.rows[0].cells[0].diverged, 1);
}

TEST(Compare, DifferencesArePairedBySeed) {
  std::vector<ComparedJob> jobs;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {  // seeds differ by 10, arms by 1 + seed / 100
    const double level = 10.0 * static_cast<double>(seed);
    jobs.push_back(MakeJob("a" + std::to_string(seed), "none", seed, {{level}}));
    jobs.push_back(MakeJob("b" + std::to_string(seed), "layer", 7 - seed,
                           {{10.0 * static_cast<double>(7 - seed) - 1 - static_cast<double>(7 - seed) / 100}}));
  }
  const Comparison comparison = Compare(jobs, kError);
  const Evidence& evidence = comparison.rows[0].differences[1].evidence;
  EXPECT_EQ(evidence.n, 6);
  EXPECT_NEAR(*evidence.estimate, -1.035, 1e-12);
  // Student, 5 degrees: t = 2.5706, sd of 0.01 .. 0.06 is 0.018708.
  EXPECT_NEAR(evidence.interval->lo, -1.035 - 2.5706 * 0.018708 / std::sqrt(6.0), 1e-5);
  EXPECT_EQ(evidence.p_exact, 2.0 / 64) << "all six of one sign: 2 of 2^6 patterns are as extreme";
  EXPECT_LT(*evidence.p, 1e-6);
  EXPECT_EQ(comparison.rows[0].differences[1].p_holm, evidence.p) << "a family of one";
  EXPECT_EQ(comparison.rows[0].differences[0].evidence.n, 0) << "the first arm against itself";
}

TEST(Compare, HolmCoversEverySeriesAndArm) {
  std::vector<ComparedJob> jobs;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const double wiggle = 0.01 * static_cast<double>(seed * seed % 7);
    jobs.push_back(MakeJob("a", "none", seed, {{1}, {1}}));
    jobs.push_back(MakeJob("b", "layer", seed, {{0.5 + wiggle}, {seed % 2 == 0 ? 0.0 : 2.0}}));
  }
  const Comparison comparison = Compare(jobs, {"test/error", "train/nll"});
  const Comparison::Difference& shown = comparison.rows[0].differences[1];
  EXPECT_DOUBLE_EQ(*shown.p_holm, 2 * *shown.evidence.p);
  EXPECT_LT(*shown.p_holm, 0.05) << "six pairs suffice, whatever the number of rows";
  EXPECT_EQ(comparison.rows[1].differences[1].p_holm, 1.0);
}

// A series that some runs lack is undecided, and counts.
TEST(Compare, UndecidedRowsAreInTheFamily) {
  std::vector<ComparedJob> jobs;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    jobs.push_back(MakeJob("a", "none", seed, {{1}, {}}));
    jobs.push_back(MakeJob("b", "layer", seed, {{0.5 + 0.01 * static_cast<double>(seed)}, {1}}));
  }
  const Comparison comparison = Compare(jobs, {"test/error", "train/nll"});
  EXPECT_DOUBLE_EQ(*comparison.rows[0].differences[1].p_holm, 2 * *comparison.rows[0].differences[1].evidence.p);
}

TEST(Compare, ADivergedRunIsCountedAndWorseThanAnyNumber) {
  const Comparison comparison =
      Compare({MakeJob("j1", "none", 1, {{4}}), MakeJob("j2", "none", 2, {{4}}), MakeJob("j3", "none", 3, {{4}}),
               MakeJob("j4", "layer", 1, {{1}}), MakeJob("j5", "layer", 2, {{1}}),
               Diverged(MakeJob("j6", "layer", 3, {{1e30}}))},
              kError);
  const Comparison::Row& row = comparison.rows[0];
  EXPECT_EQ(row.cells[1].diverged, 1);
  EXPECT_THAT(row.cells[1].values, ElementsAre(1, 1));
  const Evidence& evidence = row.differences[1].evidence;
  EXPECT_EQ(evidence.n, 3);
  EXPECT_EQ(evidence.diverged, 1);
  EXPECT_EQ(evidence.estimate, -3.0) << "the median of -3, -3, inf";
  EXPECT_EQ(evidence.method, Method::kRanks);
  EXPECT_DOUBLE_EQ(*evidence.p, 8.0 / 20);
}

// The same runs as above, on the negative of their scale.
TEST(Compare, WhereHigherIsBetterADivergedRunIsWorseAllTheSame) {
  const std::vector<ComparedJob> jobs = {
      MakeJob("j1", "none", 1, {{-3, -4}, {1}}),  MakeJob("j2", "none", 2, {{-3, -4}, {1}}),
      MakeJob("j3", "none", 3, {{-3, -4}, {1}}),  MakeJob("j4", "layer", 1, {{-2, -1}, {1}}),
      MakeJob("j5", "layer", 2, {{-2, -1}, {1}}), Diverged(MakeJob("j6", "layer", 3, {{-1e30, -1e30}, {1}}))};
  const Comparison comparison = Compare(jobs, {"test/accuracy", "train/nll"}, {"test/accuracy"});
  const Comparison::Row& row = comparison.rows[0];
  EXPECT_TRUE(row.higher_is_better);
  EXPECT_EQ(row.cells[0].best, -3.0);
  const Evidence& evidence = row.differences[1].evidence;
  EXPECT_EQ(evidence.estimate, 3.0) << "the median of 3, 3, -inf";
  EXPECT_EQ(evidence.shown, Shown::kHigher);
  EXPECT_EQ(evidence.diverged, 1);
  EXPECT_DOUBLE_EQ(*evidence.p, 8.0 / 20);
  EXPECT_FALSE(comparison.rows[1].higher_is_better);
}

TEST(Compare, WhereHigherIsBetterDifferencesKeepTheirSigns) {
  std::vector<ComparedJob> jobs;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const double wiggle = 0.01 * static_cast<double>(seed * seed % 7);
    jobs.push_back(MakeJob("a", "none", seed, {{1}}));
    jobs.push_back(MakeJob("b", "layer", seed, {{0.5 + wiggle}}));
  }
  const Evidence lower = Compare(jobs, kError).rows[0].differences[1].evidence;
  const Evidence higher = Compare(jobs, kError, {"test/error"}).rows[0].differences[1].evidence;
  EXPECT_EQ(higher.estimate, lower.estimate);
  EXPECT_EQ(higher.interval->lo, lower.interval->lo);
  EXPECT_EQ(higher.interval->hi, lower.interval->hi);
  EXPECT_EQ(higher.p, lower.p);
  EXPECT_EQ(higher.shown, Shown::kLower);
}

TEST(Compare, TwoDivergedRunsOfASeedSayNothingOfTheirDifference) {
  const Comparison comparison =
      Compare({Diverged(MakeJob("j1", "none", 1, {{4}})), Diverged(MakeJob("j2", "layer", 1, {{4}}))}, kError);
  const Evidence& evidence = comparison.rows[0].differences[1].evidence;
  EXPECT_EQ(evidence.n, 1);
  EXPECT_EQ(evidence.estimate, std::nullopt);
  EXPECT_EQ(comparison.rows[0].at, 0);
}

TEST(Compare, ARunThatIsThereTwiceCountsOnce) {
  const Comparison comparison = Compare({MakeJob("j1", "none", 1, {{4}}), MakeJob("j2", "none", 1, {{4}})}, kError);
  EXPECT_EQ(comparison.jobs.size(), 1u);
  EXPECT_THAT(comparison.repeats, ElementsAre("j2 repeats j1"));
}

TEST(Compare, MissingSeriesAndSeedsWithoutAMateLeaveNoPair) {
  const Comparison comparison = Compare(
      {MakeJob("j1", "none", 1, {{4}}), MakeJob("j2", "layer", 2, {{1}}), MakeJob("j3", "layer", 1, {{}})}, kError);
  const Comparison::Row& row = comparison.rows[0];
  EXPECT_EQ(row.cells[1].values.size(), 1u);
  EXPECT_EQ(row.differences[1].evidence.n, 0);
  EXPECT_EQ(row.differences[1].evidence.p, std::nullopt);
}

TEST(Compare, NotANumberIsARunThatDiverged) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Comparison comparison = Compare({MakeJob("j1", "none", 1, {{nan}}), MakeJob("j2", "layer", 1, {{1}})}, kError);
  EXPECT_EQ(comparison.rows[0].cells[0].diverged, 1);
  EXPECT_FALSE(comparison.rows[0].cells[0].mean);
  EXPECT_EQ(comparison.rows[0].differences[1].evidence.diverged, 1);
}

}  // namespace
}  // namespace normlab::judging
