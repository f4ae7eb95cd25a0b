#include "results/stats/ranks.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"

namespace normlab::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<Outcome> Exactly(const std::vector<double>& values) {
  std::vector<Outcome> outcomes;
  for (const double value : values) {
    outcomes.push_back({value, false});
  }
  return outcomes;
}

TEST(Outcome, OrderIsWhatIsKnown) {
  const Outcome two{2, false}, after_two{2, true}, after_three{3, true}, never{kInfinity, false};
  EXPECT_EQ(Order(two, {3, false}), -1);
  EXPECT_EQ(Order(two, two), 0);
  EXPECT_EQ(Order(after_two, two), 1) << "not there yet at 2";
  EXPECT_EQ(Order(two, after_three), -1);
  EXPECT_EQ(Order({3.5, false}, after_three), 0);
  EXPECT_EQ(Order(after_two, after_three), 0);
  EXPECT_EQ(Order(never, two), 1);
  EXPECT_EQ(Order(never, never), 0);
  EXPECT_EQ(Order(never, after_three), 0) << "it may never come there either";
}

TEST(Outcome, DifferencesAreBoundedByWhatIsKnown) {
  const Outcome two{2, false}, after_ten{10, true}, never{kInfinity, false};
  EXPECT_EQ(Difference(two, {8, false}).lo, -6);
  EXPECT_EQ(Difference(two, {8, false}).hi, -6);
  EXPECT_EQ(Difference(two, after_ten).lo, -kInfinity);
  EXPECT_EQ(Difference(two, after_ten).hi, -8);
  EXPECT_EQ(Difference(after_ten, two).lo, 8);
  EXPECT_EQ(Difference(after_ten, two).hi, kInfinity);
  EXPECT_EQ(Difference(two, never).hi, -kInfinity);
  EXPECT_EQ(Difference(never, never).lo, -kInfinity);
  EXPECT_EQ(Difference(never, never).hi, kInfinity);
}

TEST(Ranks, ByHand) {
  // Of C(6, 3) = 20 ways to deal out six different values two separate them.
  EXPECT_DOUBLE_EQ(TestRanks(Exactly({1, 2, 3}), Exactly({4, 5, 6})).p, 2.0 / 20);
  EXPECT_EQ(TestRanks(Exactly({1, 2, 3}), Exactly({4, 5, 6})).lean, -1);
  EXPECT_EQ(TestRanks(Exactly({4, 5, 6}), Exactly({1, 2, 3})).lean, 1);
  EXPECT_DOUBLE_EQ(TestRanks(Exactly({1, 2, 3, 4, 5, 6}), Exactly({7, 8, 9, 10, 11, 12})).p, 2.0 / 924);
  // All equal: every way is as extreme.
  EXPECT_EQ(TestRanks(Exactly({1, 1, 1}), Exactly({1, 1, 1})).p, 1);
  // The whole of one arm diverged, or was not there when it ended.
  EXPECT_DOUBLE_EQ(TestRanks(Exactly({1, 2, 3}), Exactly({kInfinity, kInfinity, kInfinity})).p, 2.0 / 20);
  EXPECT_DOUBLE_EQ(TestRanks(Exactly({1, 2, 3}), std::vector<Outcome>(3, Outcome{9, true})).p, 2.0 / 20);
  EXPECT_EQ(TestRanks({}, {}).p, 1);
}

// Every way to deal runs out one by one, with ties and censored runs.
TEST(Ranks, CountsEveryPermutation) {
  Rng rng(1, "test/ranks");
  for (int repeat = 0; repeat < 200; ++repeat) {
    const std::size_t n = 2 + rng.Below(3), m = 2 + rng.Below(3);
    std::vector<Outcome> all;
    for (std::size_t i = 0; i < n + m; ++i) {
      all.push_back({static_cast<double>(rng.Below(6)), rng.Below(4) == 0});
    }
    const auto statistic = [&](const std::vector<bool>& first) {
      int sum = 0;
      for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = 0; j < all.size(); ++j) {
          sum += first[i] && !first[j] ? Order(all[i], all[j]) : 0;
        }
      }
      return sum;
    };
    std::vector<bool> first(n + m, false);
    std::fill(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(n), true);
    const int observed = std::abs(statistic(first));
    int ways = 0, extreme = 0;
    do {
      ++ways;
      extreme += std::abs(statistic(first)) >= observed ? 1 : 0;
    } while (std::prev_permutation(first.begin(), first.end()));
    const std::span<const Outcome> runs(all);
    EXPECT_NEAR(TestRanks(runs.first(n), runs.subspan(n)).p, static_cast<double>(extreme) / ways, 1e-12) << repeat;
  }
}

TEST(Ranks, HoldTheirLevelWithCensoredRuns) {
  constexpr int kTrials = 4000;
  int rejected = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    Rng rng(1, "ranks/size", static_cast<std::uint64_t>(trial));
    std::vector<Outcome> a, b;
    for (int i = 0; i < 12; ++i) {
      const double value = std::exp(rng.Normal());
      (i % 2 == 0 ? a : b).push_back({std::min(value, 1.5), value > 1.5});
    }
    rejected += TestRanks(a, b).p < 0.05 ? 1 : 0;
  }
  EXPECT_LT(rejected, 0.06 * kTrials);
  EXPECT_GT(rejected, 0.02 * kTrials) << "and it is no test that never rejects";
}

TEST(Ranks, ManyRunsAreCountedOrApproximatedAlike) {
  const auto p = [](int n) {
    std::vector<Outcome> a, b;
    for (int i = 0; i < n; ++i) {
      a.push_back({i - 0.1 * n, false});
      b.push_back({i + 0.5, false});
    }
    return TestRanks(a, b).p;
  };
  EXPECT_NEAR(p(64), p(65), 0.02);
  EXPECT_LT(p(65), p(64));
}

}  // namespace
}  // namespace normlab::stats
