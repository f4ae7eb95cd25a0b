#include "results/stats/paired.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(SignFlip, ByHand) {
  // All of one sign: only the two extreme patterns of 2^n reach the sum.
  EXPECT_EQ(*SignFlipP(std::vector<double>{1, 2, 3}), 2.0 / 8);
  EXPECT_EQ(*SignFlipP(std::vector<double>{1, 2, 3, 4, 5}), 2.0 / 32);
  EXPECT_EQ(*SignFlipP(std::vector<double>{-1, -2, -3, -4, -5, -6}), 2.0 / 64);
  // 3 + 2 - 1 = 4 is reached by +++ (6), ++- (4) and their opposites.
  EXPECT_EQ(*SignFlipP(std::vector<double>{3, 2, -1}), 4.0 / 8);
  // 1 - 1 = 0: every pattern is as extreme.
  EXPECT_EQ(*SignFlipP(std::vector<double>{1, -1}), 1);
  EXPECT_EQ(*SignFlipP(std::vector<double>{0, 0, 0}), 1);
}

// All 2^n patterns one by one, of whole numbers, where many sums are equal, and of others.
TEST(SignFlip, CountsEveryPattern) {
  Rng rng(1, "test/patterns");
  for (int repeat = 0; repeat < 300; ++repeat) {
    std::vector<double> differences(1 + rng.Below(12));
    for (double& d : differences) {
      d = repeat % 2 == 0 ? static_cast<double>(rng.Below(7)) - 2 : rng.Normal() + 0.3;
    }
    double observed = 0;
    for (double d : differences) {
      observed += d;
    }
    int extreme = 0;
    const int patterns = 1 << differences.size();
    for (int pattern = 0; pattern < patterns; ++pattern) {
      double sum = 0;
      for (std::size_t i = 0; i < differences.size(); ++i) {
        sum += (pattern >> i & 1) != 0 ? differences[i] : -differences[i];
      }
      extreme += std::fabs(sum) >= std::fabs(observed) - 1e-9 ? 1 : 0;
    }
    EXPECT_EQ(*SignFlipP(differences), static_cast<double>(extreme) / patterns) << repeat;
  }
}

TEST(SignFlip, SixSeedsAreTheFloor) {
  EXPECT_GT(*SignFlipP(std::vector<double>{1, 1, 1, 1, 1}), 0.05);
  EXPECT_LT(*SignFlipP(std::vector<double>{1, 1, 1, 1, 1, 1}), 0.05);
}

TEST(SignFlip, RoundingDoesNotBreakTies) {
  // 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit; both signs and orders must count as equal.
  EXPECT_EQ(*SignFlipP(std::vector<double>{0.1, 0.2, 0.3}), 2.0 / 8);
  EXPECT_EQ(*SignFlipP(std::vector<double>{0.3, 0.2, 0.1, -0.1, 0.1}), *SignFlipP(std::vector<double>{3, 2, 1, -1, 1}));
}

TEST(SignFlip, RefusesWhatItCannotCount) {
  EXPECT_FALSE(SignFlipP({}));
  EXPECT_FALSE(SignFlipP(std::vector<double>{1, NAN}));
  EXPECT_FALSE(SignFlipP(std::vector<double>{1, kInfinity}));
  EXPECT_FALSE(SignFlipP(std::vector<double>(kMaxFlipPairs + 1, 1.0)));
}

TEST(Holm, ByHand) {
  // Sorted 0.005 x4, 0.01 x3, 0.03 x2, 0.04 x1, made monotone: 0.02, 0.03, 0.06, 0.06.
  const auto adjusted = HolmAdjust(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  EXPECT_THAT(adjusted, testing::ElementsAre(testing::DoubleEq(0.03), testing::DoubleEq(0.06), testing::DoubleEq(0.06),
                                             testing::DoubleEq(0.02)));
  EXPECT_THAT(HolmAdjust(std::vector<double>{0.9, 0.8}), testing::ElementsAre(1, 1));
  EXPECT_TRUE(HolmAdjust({}).empty());
}

Bounded Exactly(double d) { return {d, d}; }

TEST(MedianDifference, IntervalIsOfOrderStatistics) {
  // n = 6: smallest to largest covers 1 - 2/64 = 96.9 %. n = 9: second to eighth, 1 - 2 * 10/512 = 96.1 %.
  std::vector<Bounded> six, nine;
  for (int i = 1; i <= 9; ++i) {
    nine.push_back(Exactly(i));
    if (i <= 6) {
      six.push_back(Exactly(i));
    }
  }
  const auto a = MedianDifference(six, 0.95), b = MedianDifference(nine, 0.95);
  ASSERT_TRUE(a.interval && b.interval);
  EXPECT_EQ(a.interval->lo, 1);
  EXPECT_EQ(a.interval->hi, 6);
  EXPECT_EQ(a.median.lo, 3.5);
  EXPECT_EQ(b.interval->lo, 2);
  EXPECT_EQ(b.interval->hi, 8);
  six.pop_back();
  EXPECT_FALSE(MedianDifference(six, 0.95).interval);  // five pairs cannot give 95 %
}

TEST(MedianDifference, UnknownDifferencesWidenTheInterval) {
  const std::vector<Bounded> d = {Exactly(-1), Exactly(-2), Exactly(-1),
                                  Exactly(-3), Exactly(-2), {-kInfinity, kInfinity}};
  EXPECT_EQ(MedianDifference(d, 0.95).interval->hi, kInfinity);
}

// Size of the exact test under the null, by simulation: at most the nominal level, for a distribution with heavy
// tails.
TEST(Size, SignFlipsHoldTheirLevelUnderTheNull) {
  constexpr int kTrials = 4000;
  int flips = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    Rng rng(1, "size", static_cast<std::uint64_t>(trial));
    std::vector<double> d;
    for (int i = 0; i < 8; ++i) {
      d.push_back(std::pow(rng.Normal(), 3));
    }
    flips += *SignFlipP(d) < 0.05 ? 1 : 0;
  }
  // Three standard errors of a share of 5 % in 4,000 trials are 1 %.
  EXPECT_LT(flips, 0.06 * kTrials);
  EXPECT_GT(flips, 0.02 * kTrials);  // and it is no test that never rejects: attainable levels are multiples of 1/128
}

// A mutant that forgets the pairing by seed: it compares two independent samples (Welch). With seeds that move both
// arms together it must be blind where the paired test sees.
TEST(Mutants, UnpairedComparisonMissesWhatPairingSees) {
  Rng rng(3, "pairing");
  std::vector<double> a, b, d;
  for (int seed = 0; seed < 8; ++seed) {
    const double common = 10 * rng.Normal();
    a.push_back(common + 0.1 * rng.Normal());
    b.push_back(common + 1 + 0.1 * rng.Normal());
    d.push_back(a.back() - b.back());
  }
  const double unpaired_t =
      (Mean(a) - Mean(b)) / std::sqrt((SampleSd(a) * SampleSd(a) + SampleSd(b) * SampleSd(b)) / 8);
  EXPECT_LT(std::fabs(unpaired_t), 1);
  EXPECT_LT(*SignFlipP(d), 0.01);
  EXPECT_LT(*StudentP(d), 1e-6);
}

}  // namespace
}  // namespace normlab::stats
