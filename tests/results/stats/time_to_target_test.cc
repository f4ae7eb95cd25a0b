#include "results/stats/time_to_target.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "results/stats/ranks.h"

namespace normlab::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(TimeToTarget, FirstPlaceWhereTheBestSoFarIsThere) {
  const std::vector<double> x = {1, 2, 3, 4, 5};
  const Outcome at = TimeToTarget(x, std::vector<double>{5, 2, NAN, 1, 3}, 1.5);
  EXPECT_FALSE(at.later);
  EXPECT_EQ(at.value, 4);  // and that it rises again afterwards changes nothing
  EXPECT_EQ(TimeToTarget(x, std::vector<double>{5, 2, 2, 1, 3}, 2).value, 2);
}

TEST(TimeToTarget, RunsThatNeverReachItAreCensored) {
  const std::vector<double> x = {1, 2, 3}, y = {5, 4, 3};
  const Outcome late = TimeToTarget(x, y, 1);
  EXPECT_TRUE(late.later);
  EXPECT_EQ(late.value, 3);
  const Outcome never = TimeToTarget(x, y, 1, /*ended=*/true);
  EXPECT_FALSE(never.later);
  EXPECT_EQ(never.value, kInfinity);
}

// A mutant that drops censored runs: half of arm a's runs never arrive, the other half are lucky. Dropping the late
// ones makes a look twice as fast; keeping them says that nothing is known.
TEST(Mutants, DroppingCensoredRunsInventsASpeedUp) {
  std::vector<Outcome> a, lucky, b, of_lucky;
  for (int seed = 0; seed < 12; ++seed) {
    a.push_back(seed % 2 == 0 ? Outcome{5, false} : Outcome{20, true});
    b.push_back({10, false});
    if (!a.back().later) {
      lucky.push_back(a.back());
      of_lucky.push_back(b.back());
    }
  }
  EXPECT_LT(TestRanks(lucky, of_lucky).p, 0.05);
  EXPECT_EQ(TestRanks(a, b).p, 1);
}

}  // namespace
}  // namespace normlab::stats
