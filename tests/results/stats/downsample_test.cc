#include "results/stats/downsample.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab::stats {
namespace {

using testing::ElementsAre;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(MinMaxTest, KeepsBothExtremesOfEachRun) {
  const std::vector<double> values = {0, 5, -1, 2, 3, 3, 3, 3, 9, 8, 7, 6};
  EXPECT_THAT(MinMax(values, 6), ElementsAre(1, 2, 4, 8, 11));
  EXPECT_THAT(MinMax(values, 7), ElementsAre(1, 2, 4, 8, 11)) << "an odd number is rounded down";
  EXPECT_THAT(MinMax(values, 2), ElementsAre(2, 8));
  EXPECT_THAT(MinMax(values, 1), ElementsAre(11));
  EXPECT_EQ(MinMax(values, 12).size(), 12u);
  EXPECT_THAT(MinMax({}, 5), ElementsAre());
}

TEST(MinMaxTest, WhatIsNotFiniteHidesNothing) {
  const std::vector<double> values = {1, kNan, kInf, 3, kNan, kNan, kNan, -kInf};
  EXPECT_THAT(MinMax(values, 4), ElementsAre(0, 3, 4));
}

TEST(MinMaxTest, ASpikeAmongAMillionPointsStays) {
  std::vector<double> values(1'000'000);
  Rng rng(1, "test/spike");
  for (double& value : values) {
    value = rng.Uniform();
  }
  values[777'777] = 50;
  values[123'456] = -50;
  const std::vector<std::size_t> picked = MinMax(values, 1000);
  EXPECT_LE(picked.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(picked.begin(), picked.end()));
  EXPECT_THAT(picked, testing::IsSupersetOf({std::size_t{123'456}, std::size_t{777'777}}));
}

TEST(LttbTest, KeepsEndsAndPeaks) {
  std::vector<std::uint64_t> steps(100);
  std::vector<double> values(100, 0.0);
  for (std::size_t i = 0; i < 100; ++i) {
    steps[i] = i * 10;
  }
  values[37] = 10;
  const std::vector<std::size_t> picked = Lttb(steps, values, 10);
  ASSERT_EQ(picked.size(), 10u);
  EXPECT_EQ(picked.front(), 0u);
  EXPECT_EQ(picked.back(), 99u);
  EXPECT_THAT(picked, testing::Contains(37u));
  EXPECT_THAT(Lttb(steps, values, 2), ElementsAre(0, 99));
  EXPECT_THAT(Lttb(steps, values, 1), ElementsAre(99));
  EXPECT_EQ(Lttb(steps, values, 100).size(), 100u);
}

// Positions found by the definition, by hand: three runs of two points between the ends.
TEST(LttbTest, PicksTheLargestTriangles) {
  const std::vector<std::uint64_t> steps = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<double> values = {0, 1, 4, 0, 1, -3, 2, 0};
  // From (0, 0) with mean (3.5, 0.5): areas of 1 and 2 are |3.5*1 - 1*0.5| = 3, |3.5*4 - 2*0.5| = 13: picks 2.
  // From (2, 4) with mean (5.5, -0.5): point 3: |(2-5.5)*(0-4) - (2-3)*(-0.5-4)| = 9.5, point 4: |10.5 - 9| = 1.5:
  // picks 3. From (3, 0) with the end (7, 0): point 5: |-4 * -3| = 12, point 6: |-4 * 2| = 8: picks 5.
  EXPECT_THAT(Lttb(steps, values, 5), ElementsAre(0, 2, 3, 5, 7));
}

TEST(LttbTest, NotFiniteValuesArePickedOnlyWhenAlone) {
  const std::vector<std::uint64_t> steps = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<double> values = {kNan, kNan, 1, kNan, kInf, -kInf, 3, kNan};
  EXPECT_THAT(Lttb(steps, values, 5), ElementsAre(0, 2, 3, 6, 7));
}

TEST(LastFiniteTest, PassesOverWhatARunEndedWith) {
  EXPECT_EQ(LastFinite(std::vector{1.0, kNan, 2.0, kInf, kNan}), 2u);
  EXPECT_EQ(LastFinite(std::vector{3.0}), 0u);
  EXPECT_EQ(LastFinite(std::vector{kNan, -kInf}), std::nullopt);
  EXPECT_EQ(LastFinite({}), std::nullopt);
}

TEST(PointsPerLineTest, ManyLinesShareTheirPoints) {
  EXPECT_EQ(PointsPerLine(0), 1000u);
  EXPECT_EQ(PointsPerLine(200), 1000u);
  EXPECT_EQ(PointsPerLine(10'000), 20u);
  EXPECT_EQ(PointsPerLine(1'000'000), 16u) << "fewer would not be a curve";
}

}  // namespace
}  // namespace normlab::stats
