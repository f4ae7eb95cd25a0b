// Reading and following curves.

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;

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
