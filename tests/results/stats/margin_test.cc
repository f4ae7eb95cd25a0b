#include "results/stats/margin.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"

namespace normlab::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Mean 2, sd 1, n = 3: t against 0 and 3 are 3.4641 and 1.7321; with two degrees of freedom the one-sided p of t is
// (1 - t / sqrt(t^2 + 2)) / 2.
double Beyond(double t) { return (1 - t / std::sqrt(t * t + 2)) / 2; }

TEST(Margin, ByHand) {
  const std::vector<double> v = {1, 2, 3};
  const auto inside = TestMean(v, {0, 3});
  EXPECT_NEAR(inside->p_inside, Beyond(std::sqrt(3.0)), 1e-12) << "the nearer edge decides";
  EXPECT_GT(inside->p_outside, 0.5);
  const auto above = TestMean(v, {-1, 0});
  EXPECT_TRUE(above->above);
  EXPECT_NEAR(above->p_outside, Beyond(2 * std::sqrt(3.0)) + Beyond(3 * std::sqrt(3.0)), 1e-12);
  EXPECT_GT(above->p_inside, 0.9);
  // A margin of no width is Student's two-sided test.
  EXPECT_NEAR(TestMean(v, {0, 0})->p_outside, *StudentP(v), 1e-12);
}

TEST(Margin, InsideExactlyWhereTheNinetyPercentIntervalIs) {
  for (int trial = 0; trial < 500; ++trial) {
    Rng rng(1, "margin/interval", static_cast<std::uint64_t>(trial));
    std::vector<double> v(3 + rng.Below(8));
    for (double& x : v) {
      x = 0.4 * rng.Normal() + 0.3;
    }
    EXPECT_EQ(TestMean(v, {-1, 1})->p_inside < 0.05, StudentInterval(v, 0.90)->Inside({-1, 1})) << trial;
  }
}

TEST(Margin, WithoutSpreadStudentSaysNothing) {
  EXPECT_FALSE(TestMean(std::vector<double>{1, 1, 1}, {0, 2}));
  EXPECT_FALSE(TestMean(std::vector<double>{1, 2, kInfinity}, {0, 2}));
  EXPECT_FALSE(TestMean(std::vector<double>{1}, {0, 2}));
}

TEST(Margin, SignsStandInWhereNumbersAreMissing) {
  const std::vector<Bounded> six(6, Bounded{1, 1});
  EXPECT_EQ(TestMedian(six, {0, 2}).p_inside, 1.0 / 64);
  EXPECT_EQ(TestMedian(six, {2, 3}).p_outside, 2.0 / 64);
  EXPECT_FALSE(TestMedian(six, {2, 3}).above);
  std::vector<Bounded> one_diverged = six;
  one_diverged[0] = {kInfinity, kInfinity};
  EXPECT_EQ(TestMedian(one_diverged, {0, 2}).p_inside, 7.0 / 64) << "five of six below the upper edge";
  EXPECT_EQ(TestMedian(std::vector<Bounded>(6, Bounded{kInfinity, kInfinity}), {0, 2}).p_outside, 2.0 / 64);
  EXPECT_EQ(TestMedian(std::vector<Bounded>(6, Bounded{-kInfinity, kInfinity}), {0, 2}).p_inside, 1) << "unknown";
}

// At an edge of the margin neither question may be answered more often than its level.
TEST(Margin, HoldsItsLevelAtTheEdge) {
  constexpr int kTrials = 4000;
  int inside = 0, outside = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    Rng rng(1, "margin/size", static_cast<std::uint64_t>(trial));
    std::vector<double> v(6);
    for (double& x : v) {
      x = 1 + 0.3 * rng.Normal();
    }
    const auto test = TestMean(v, {-1, 1});
    inside += test->p_inside < 0.05 ? 1 : 0;
    outside += test->p_outside < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(inside, 0.05 * kTrials, 0.01 * kTrials);
  EXPECT_NEAR(outside, 0.05 * kTrials, 0.01 * kTrials);
}

}  // namespace
}  // namespace normlab::stats
