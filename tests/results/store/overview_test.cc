// Long curves drawn from overviews: what is shown, what is read for it, and what damage does.
#include "results/store/overview.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

class OverviewTest : public StoreTest {
 protected:
  static constexpr std::size_t kPoints = 300'000;  // 292 chunks and a tail

  OverviewTest() : attempt_(CreateAndLease("a")), column_(Ramp("loss", 1, kPoints)) {
    Rng rng(1, "test/overview");
    for (double& value : column_.values) {
      value = rng.Uniform();
    }
  }

  void Write() { ASSERT_OK(store_->AppendPoints(attempt_, {column_}).status()); }

  absl::StatusOr<Curve> Read(Downsampling method, std::uint64_t from = 0, std::uint64_t to = kPoints) {
    CurveRange range;
    range.from_step = from;
    range.to_step = to;
    range.max_points = 1000;
    range.downsampling = method;
    return store_->ReadCurve(attempt_.job, "loss", range);
  }

  void Damage(const std::string& sql) {
    store_.reset();
    auto db = Connection::Open(folder_.path() + "/normlab.db", {});
    ASSERT_OK(db.status());
    ASSERT_OK((*db)->Script(sql));
    db->reset();
    Reopen();
  }

  const AttemptId attempt_;
  PointColumns column_;
};

TEST_F(OverviewTest, SpikesStayAndEveryPointIsOneOfTheCurve) {
  const std::uint64_t spikes[] = {3, 1024, 2049, 77'777, 299'990};  // ends of chunks, the middle, the tail
  for (const std::uint64_t step : spikes) {
    column_.values[step - 1] = step % 2 == 0 ? 50.0 : -50.0;
  }
  Write();
  for (const Downsampling method : {Downsampling::kMinMax, Downsampling::kLttb}) {
    const auto curve = Read(method);
    ASSERT_OK(curve.status());
    EXPECT_EQ(curve->points_total, kPoints);
    EXPECT_LE(curve->steps.size(), 1000u);
    EXPECT_GE(curve->steps.size(), 900u);
    EXPECT_TRUE(std::is_sorted(curve->steps.begin(), curve->steps.end()));
    for (const std::uint64_t step : spikes) {
      EXPECT_THAT(curve->steps, testing::Contains(step));
    }
    for (std::size_t i = 0; i < curve->steps.size(); ++i) {
      ASSERT_EQ(curve->values[i], column_.values[curve->steps[i] - 1]);
      ASSERT_EQ(curve->wall_ms[i], column_.wall_ms[curve->steps[i] - 1]);
    }
  }
  EXPECT_EQ(Read(Downsampling::kLttb)->steps.front(), 1u);
  EXPECT_EQ(Read(Downsampling::kLttb)->steps.back(), kPoints);
}

TEST_F(OverviewTest, RangesCutThroughChunks) {
  Write();
  for (const auto& [from, to] :
       {std::pair<std::uint64_t, std::uint64_t>{2, 299'999}, {1000, 298'000}, {500, 250'500}}) {
    const auto curve = Read(Downsampling::kLttb, from, to);
    ASSERT_OK(curve.status());
    EXPECT_EQ(curve->points_total, to - from + 1);
    EXPECT_EQ(curve->steps.front(), from);
    EXPECT_EQ(curve->steps.back(), to);
  }
}

TEST_F(OverviewTest, WhatIsNotFiniteHidesNothing) {
  for (std::size_t i = 5'000; i < 15'000; ++i) {
    column_.values[i] = i % 2 == 0 ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  }
  column_.values[10'000] = -50;
  Write();
  const auto curve = Read(Downsampling::kMinMax);
  ASSERT_OK(curve.status());
  EXPECT_THAT(curve->steps, testing::Contains(10'001u));
}

// A chunk that cannot be unpacked shows that none is.
TEST_F(OverviewTest, WholeChunksAreNotUnpacked) {
  Write();
  const auto before = Read(Downsampling::kMinMax);
  Damage("UPDATE chunk SET data = x'00'");
  const auto curve = Read(Downsampling::kMinMax);
  ASSERT_OK(curve.status());
  EXPECT_EQ(curve->steps, before->steps);
  EXPECT_THAT(store_->ReadCurve(attempt_.job, "loss", {}).status(), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(OverviewTest, DamagedOverviewsAreReplacedByTheirChunks) {
  Write();
  for (const std::string column : {"first_step", "points", "shown", "crc32c"}) {
    const std::string where = " WHERE last_step = (SELECT min(last_step) FROM overview)";
    Damage("UPDATE overview SET " + column + " = " + column + " + 1" + where);
    const auto curve = Read(Downsampling::kMinMax);
    ASSERT_OK(curve.status());
    EXPECT_EQ(curve->points_total, kPoints) << column;
    Damage("UPDATE overview SET " + column + " = " + column + " - 1" + where);
  }
}

TEST_F(OverviewTest, DeletedWithTheirJob) {
  Write();
  ASSERT_OK(FinishAs(attempt_, JobState::kSucceeded).status());
  ASSERT_OK(store_->Delete({}, attempt_.job));
  const auto db = Connection::Open(folder_.path() + "/normlab.db", {.read_only = true, .vfs = {}});
  for (const char* table : {"overview", "chunk", "tail", "series", "purge"}) {
    EXPECT_EQ(*(*db)->Int(fmt::format("SELECT count(*) FROM {}", table)), 0) << table;
  }
}

}  // namespace
}  // namespace normlab::store
