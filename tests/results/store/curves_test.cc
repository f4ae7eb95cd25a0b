// Downsampling and following.
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "results/store/downsample.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
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

using CurvesTest = StoreTest;

TEST_F(CurvesTest, ADownsampledCurveSaysHowManyPointsThereAre) {
  const AttemptId attempt = CreateAndLease("a");
  PointColumns column = Ramp("loss", 1, 10'000);
  column.values[5'000] = 77;
  ASSERT_OK(store_->AppendPoints(attempt, {column}).status());
  for (const Downsampling method : {Downsampling::kMinMax, Downsampling::kLttb}) {
    CurveRange range;
    range.from_step = 2;
    range.max_points = 100;
    range.downsampling = method;
    const auto curve = store_->ReadCurve(attempt.job, "loss", range);
    ASSERT_OK(curve.status());
    EXPECT_EQ(curve->points_total, 9'999u);
    EXPECT_LE(curve->steps.size(), 100u);
    EXPECT_GE(curve->steps.size(), 50u);
    EXPECT_THAT(curve->values, testing::Contains(77));
    for (std::size_t i = 0; i < curve->steps.size(); ++i) {
      EXPECT_EQ(curve->values[i], column.values[curve->steps[i] - 1]);
      EXPECT_EQ(curve->wall_ms[i], column.wall_ms[curve->steps[i] - 1]);
    }
    const auto again = store_->ReadCurve(attempt.job, "loss", range);
    EXPECT_EQ(again->steps, curve->steps);
  }
  EXPECT_THAT(store_->ReadCurve(attempt.job, "none", {}).status(), HasCode(absl::StatusCode::kNotFound));
}

// Follows with batches of `limit`, from the start, and gives back the steps and values of one series.
std::pair<std::vector<std::uint64_t>, std::vector<double>> Follow(Store& store, const std::vector<JobId>& jobs,
                                                                  JobId job, const std::string& series, int limit) {
  std::pair<std::vector<std::uint64_t>, std::vector<double>> found;
  for (std::uint64_t sequence = 0;;) {
    const auto batch = store.PointsSince(jobs, sequence, limit);
    EXPECT_OK(batch.status());
    std::size_t points = 0;
    for (const PointBatch::Columns& column : batch->columns) {
      points += column.steps.size();
      if (column.job == job && column.series == series) {
        found.first.insert(found.first.end(), column.steps.begin(), column.steps.end());
        found.second.insert(found.second.end(), column.values.begin(), column.values.end());
      }
    }
    EXPECT_LE(points, static_cast<std::size_t>(limit));
    if (points == 0) {
      EXPECT_EQ(batch->sequence, sequence);
      return found;
    }
    EXPECT_GT(batch->sequence, sequence);
    sequence = batch->sequence;
  }
}

TEST_F(CurvesTest, FollowersSeeEveryPointOnceInOrderWhateverTheBatch) {
  const AttemptId a = CreateAndLease("a");
  const AttemptId b = CreateAndLease("b");
  const AttemptId other = CreateAndLease("other");
  std::uint64_t step = 1;
  for (const std::size_t n : {1u, 30u, 700u, 1024u, 5u, 2500u, 3u}) {
    ASSERT_OK(store_->AppendPoints(a, {Ramp("loss", step, n), Ramp("error", step, n)}).status());
    ASSERT_OK(store_->AppendPoints(other, {Ramp("loss", step, n)}).status());
    ASSERT_OK(store_->AppendPoints(b, {Ramp("loss", step, n)}).status());
    step += n;
  }
  const PointColumns all = Ramp("loss", 1, step - 1);
  for (const int limit : {97, 1024, 4096, 1'000'000}) {
    SCOPED_TRACE(limit);
    for (const auto& [job, series] : {std::pair{a.job, "loss"}, std::pair{a.job, "error"}, std::pair{b.job, "loss"}}) {
      const auto [steps, values] = Follow(*store_, {a.job, b.job, 999}, job, series, limit);
      EXPECT_EQ(steps, all.steps);
      EXPECT_EQ(values, all.values);
    }
  }
  EXPECT_TRUE(Follow(*store_, {a.job, b.job}, other.job, "loss", 5'000).first.empty());
  EXPECT_TRUE(store_->PointsSince({}, 0, 10)->columns.empty());
  EXPECT_TRUE(store_->PointsSince({a.job}, ~std::uint64_t{0}, 10)->columns.empty());
  EXPECT_THAT(store_->PointsSince({a.job}, 0, 0).status(), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(CurvesTest, BatchesAreTheOldestPointsOfAllSeries) {
  const AttemptId a = CreateAndLease("a");
  ASSERT_OK(store_->AppendPoints(a, {Column("x", {1}, {1})}).status());
  ASSERT_OK(store_->AppendPoints(a, {Column("y", {1}, {2})}).status());
  ASSERT_OK(store_->AppendPoints(a, {Column("x", {2}, {3})}).status());
  const auto batch = store_->PointsSince({a.job}, 0, 2);
  ASSERT_EQ(batch->columns.size(), 2u);
  EXPECT_EQ(batch->columns[0].series, "x");
  EXPECT_THAT(batch->columns[0].steps, ElementsAre(1));
  EXPECT_EQ(batch->columns[1].series, "y");
  EXPECT_THAT(store_->PointsSince({a.job}, batch->sequence, 2)->columns[0].steps, ElementsAre(2));
}

}  // namespace
}  // namespace normlab::store
