#include "results/stats/time_to_target.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace normlab::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(TimeToTarget, FirstPlaceWhereTheBestSoFarIsThere) {
  const std::vector<double> x = {1, 2, 3, 4, 5};
  const auto passage = TimeToTarget(x, std::vector<double>{5, 2, NAN, 1, 3}, 1.5);
  EXPECT_TRUE(passage.reached);
  EXPECT_EQ(passage.at, 4);  // and that it rises again afterwards changes nothing
  EXPECT_EQ(TimeToTarget(x, std::vector<double>{5, 2, 2, 1, 3}, 2).at, 2);
}

TEST(TimeToTarget, RunsThatNeverReachItAreCensored) {
  const std::vector<double> x = {1, 2, 3}, y = {5, 4, 3};
  const auto late = TimeToTarget(x, y, 1);
  EXPECT_FALSE(late.reached);
  EXPECT_EQ(late.at, 3);
  const auto never = TimeToTarget(x, y, 1, /*ended=*/true);
  EXPECT_FALSE(never.reached);
  EXPECT_EQ(never.at, kInfinity);
}

TEST(LogTimeRatio, BoundsFollowFromCensoring) {
  const FirstPassage two{2, true}, eight{8, true}, after_ten{10, false}, never{kInfinity, false};
  EXPECT_DOUBLE_EQ(LogTimeRatio(two, eight).lo, std::log(0.25));
  EXPECT_DOUBLE_EQ(LogTimeRatio(two, eight).hi, std::log(0.25));
  // 2 against later than 10: at most a fifth.
  EXPECT_EQ(LogTimeRatio(two, after_ten).lo, -kInfinity);
  EXPECT_DOUBLE_EQ(LogTimeRatio(two, after_ten).hi, std::log(0.2));
  EXPECT_DOUBLE_EQ(LogTimeRatio(after_ten, two).lo, std::log(5));
  EXPECT_EQ(LogTimeRatio(after_ten, two).hi, kInfinity);
  EXPECT_EQ(LogTimeRatio(two, never).hi, -kInfinity);
  EXPECT_EQ(LogTimeRatio(after_ten, never).lo, -kInfinity);
  EXPECT_EQ(LogTimeRatio(after_ten, never).hi, kInfinity);
}

// A mutant that drops censored runs: half of arm a's runs never arrive, the other half are lucky. Dropping the late
// ones makes a look twice as fast; keeping them says that nothing is known.
TEST(Mutants, DroppingCensoredRunsInventsASpeedUp) {
  std::vector<Bounded> kept, dropped;
  for (int seed = 0; seed < 12; ++seed) {
    const FirstPassage a = seed % 2 == 0 ? FirstPassage{5, true} : FirstPassage{20, false}, b{10, true};
    kept.push_back(LogTimeRatio(a, b));
    if (a.reached) {
      dropped.push_back(LogTimeRatio(a, b));
    }
  }
  EXPECT_LT(MedianDifference(dropped, 0.95).sign_p, 0.05);
  EXPECT_LT(MedianDifference(dropped, 0.95).interval->hi, 0);
  EXPECT_EQ(MedianDifference(kept, 0.95).sign_p, 1);
  EXPECT_EQ(MedianDifference(kept, 0.95).interval->hi, kInfinity);
}

}  // namespace
}  // namespace normlab::stats
