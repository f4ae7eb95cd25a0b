// Points in, points out: bits, repeats, differences, holes; in the tail and in chunks.
#include <bit>
#include <cmath>
#include <limits>

#include "results/store/points.h"
#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::uint64_t> Bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) {
    bits.push_back(std::bit_cast<std::uint64_t>(value));
  }
  return bits;
}

double FromBits(std::uint64_t bits) { return std::bit_cast<double>(bits); }

class PointsTest : public StoreTest {
 protected:
  PointsTest() : attempt_(CreateAndLease("a")) {}

  // Ends the attempt and leases the job again.
  void NextAttempt() {
    ASSERT_OK(store_->Release(attempt_, "test"));
    attempt_ = LeaseOne();
  }

  AttemptId attempt_;
};

// The same tests with a series that lies in the tail and one that lies in chunks.
class PointsInBothTest : public PointsTest, public testing::WithParamInterface<std::size_t> {
 protected:
  std::size_t n() const { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(TailAndChunks, PointsInBothTest, testing::Values(50, 1024, 3000));

TEST_P(PointsInBothTest, BitsComeBackExactly) {
  PointColumns sent = Ramp("loss", 5, n());
  const double strange[] = {FromBits(0x7ff8000000000001),
                            FromBits(0xfff4dead00000bad),  // NaNs with payloads
                            -0.0,
                            0.0,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::denorm_min(),
                            std::numeric_limits<double>::max()};
  for (std::size_t i = 0; i < std::size(strange); ++i) {
    sent.values[i * 5] = strange[i];
  }
  sent.wall_ms[3] = -5;
  sent.wall_ms[4] = std::numeric_limits<std::int64_t>::max();
  const auto result = store_->AppendPoints(attempt_, {sent});
  ASSERT_OK(result.status());
  EXPECT_EQ(result->stored, n());
  Reopen();
  const auto curve = store_->ReadCurve(attempt_.job, "loss", {});
  ASSERT_OK(curve.status());
  EXPECT_EQ(curve->steps, sent.steps);
  EXPECT_EQ(Bits(curve->values), Bits(sent.values));
  EXPECT_EQ(curve->wall_ms, sent.wall_ms);
  EXPECT_EQ(curve->points_total, n());
  RecordReliability(31, fmt::format("{} kinds in the store: the same bits", std::size(strange)));
}

TEST_P(PointsInBothTest, RepeatedPointsAreCountedAndNotStoredTwice) {
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, n())}).status());
  NextAttempt();
  PointColumns again = Ramp("loss", n() / 2, n());
  again.wall_ms.assign(n(), 1);
  const auto result = store_->AppendPoints(attempt_, {again});
  ASSERT_OK(result.status());
  EXPECT_EQ(result->repeated, n() - n() / 2 + 1);
  EXPECT_EQ(result->stored, n() / 2 - 1);
  const auto curve = store_->ReadCurve(attempt_.job, "loss", {});
  EXPECT_EQ(curve->steps, Ramp("loss", 1, n() / 2 + n() - 1).steps);
  EXPECT_EQ(curve->wall_ms[n() - 1], Ramp("loss", n(), 1).wall_ms[0]) << "the first wall time stays";
}

TEST_P(PointsInBothTest, ADifferentPointFailsTheJobAndStoresNothing) {
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, n()), Ramp("error", 1, 5)}).status());
  NextAttempt();
  PointColumns again = Ramp("loss", 7, n());
  again.values[10] = std::nextafter(again.values[10], 2.0);
  now_ms_ = 77'000;
  const absl::Status status = store_->AppendPoints(attempt_, {Ramp("error", 6, 5), again}).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Message(status), AllOf(HasSubstr("\"loss\""), HasSubstr("step 17"), HasSubstr("attempt 1"),
                                     HasSubstr("attempt 2 measured 0.05555555555555556"),
                                     HasSubstr("0.05555555555555555 (bits 0x3fac71c71c71c71c)")));
  const auto job = store_->GetJob(attempt_.job);
  EXPECT_EQ(job->state, JobState::kFailed);
  EXPECT_EQ(job->error, Message(status));
  EXPECT_EQ(job->finished_ms, 77'000);
  EXPECT_EQ(store_->ReadCurve(attempt_.job, "loss", {})->points_total, n());
  EXPECT_EQ(store_->ReadCurve(attempt_.job, "error", {})->points_total, 5u);
  EXPECT_THAT(store_->AppendPoints(attempt_, {Ramp("error", 6, 1)}).status(),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_P(PointsInBothTest, NanPayloadsAndSignsOfZeroAreCompared) {
  for (const auto& [stored, sent] :
       {std::pair{FromBits(0x7ff8000000000001), FromBits(0x7ff8000000000002)}, std::pair{0.0, -0.0}}) {
    const AttemptId attempt = CreateAndLease(fmt::format("b{}", stored));
    PointColumns column = Ramp("loss", 1, n());
    column.values[3] = stored;
    ASSERT_OK(store_->AppendPoints(attempt, {column}).status());
    EXPECT_EQ(store_->AppendPoints(attempt, {column})->repeated, n());
    column.values[3] = sent;
    EXPECT_THAT(store_->AppendPoints(attempt, {column}).status(), HasCode(absl::StatusCode::kDataLoss));
    EXPECT_EQ(StateOf(attempt.job), JobState::kFailed);
  }
}

TEST_P(PointsInBothTest, AHoleIsNotFilledLater) {
  PointColumns sparse = Ramp("loss", 1, n());
  for (std::uint64_t& step : sparse.steps) {
    step *= 10;
  }
  ASSERT_OK(store_->AppendPoints(attempt_, {sparse}).status());
  for (const std::uint64_t hole : {1u, 15u, 301u}) {
    const absl::Status status = store_->AppendPoints(attempt_, {Column("loss", {hole}, {1.0})}).status();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(Message(status), HasSubstr(fmt::format("no point at step {}", hole)));
  }
  EXPECT_EQ(StateOf(attempt_.job), JobState::kRunning) << "a caller's error, not the program's";
  EXPECT_EQ(store_->ReadCurve(attempt_.job, "loss", {})->points_total, n());
}

TEST_P(PointsInBothTest, SummaryRowsAreKept) {
  PointColumns column = Ramp("loss", 3, n());
  column.values[1] = std::numeric_limits<double>::quiet_NaN();
  column.values[2] = -std::numeric_limits<double>::infinity();
  column.values[n() - 2] = -4;
  column.values[n() - 1] = 9;
  ASSERT_OK(store_->AppendPoints(attempt_, {column}).status());
  const auto all = store_->ListSeries(attempt_.job);
  ASSERT_EQ(all->size(), 1u);
  const SeriesInfo& info = all->front();
  EXPECT_EQ(info.name, "loss");
  EXPECT_EQ(info.points, n());
  EXPECT_EQ(info.first_step, 3u);
  EXPECT_EQ(info.last_step, n() + 2);
  EXPECT_EQ(info.min, -4);
  EXPECT_EQ(info.max, 9);
  EXPECT_EQ(info.last, 9);
  EXPECT_EQ(info.not_finite, 2u);
}

TEST_P(PointsInBothTest, RangesAreInclusive) {
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, n())}).status());
  const auto read = [&](std::uint64_t from, std::optional<std::uint64_t> to) {
    CurveRange range;
    range.from_step = from;
    range.to_step = to;
    return store_->ReadCurve(attempt_.job, "loss", range)->steps;
  };
  EXPECT_THAT(read(10, 12), ElementsAre(10, 11, 12));
  EXPECT_THAT(read(n(), std::nullopt), ElementsAre(n()));
  EXPECT_THAT(read(n() + 1, std::nullopt), ElementsAre());
  EXPECT_THAT(read(0, 1), ElementsAre(1));
  EXPECT_THAT(read(12, 10), ElementsAre());
  EXPECT_THAT(read(~std::uint64_t{0}, ~std::uint64_t{0}), ElementsAre());
  EXPECT_EQ(read(2, n() - 1), Ramp("loss", 2, n() - 2).steps);
}

TEST_F(PointsTest, AChunkIsSealedAcrossManySmallCalls) {
  std::uint64_t step = 0;
  for (int call = 0; call < 300; ++call) {
    ASSERT_EQ(store_->AppendPoints(attempt_, {Ramp("loss", step + 1, 9)})->stored, 9u);
    step += 9;
  }
  const auto curve = store_->ReadCurve(attempt_.job, "loss", {});
  EXPECT_EQ(curve->steps, Ramp("loss", 1, 2700).steps);
  EXPECT_EQ(Bits(curve->values), Bits(Ramp("loss", 1, 2700).values));
  ASSERT_OK(FinishAs(attempt_, JobState::kSucceeded).status());
  EXPECT_EQ(store_->ReadCurve(attempt_.job, "loss", {})->steps, curve->steps) << "packed at the end";
}

TEST_F(PointsTest, ACallIsTakenWholeOrNotAtAll) {
  ASSERT_OK(store_->AppendPoints(attempt_, {Column("a", {10, 20}, {1, 2})}).status());
  EXPECT_FALSE(store_->AppendPoints(attempt_, {Column("b", {1}, {1}), Column("a", {15}, {1})}).ok());
  EXPECT_EQ(store_->ListSeries(attempt_.job)->size(), 1u);
}

TEST_F(PointsTest, MalformedColumnsAreRefused) {
  const auto refused = [&](const PointColumns& column, const std::string& what) {
    const absl::Status status = store_->AppendPoints(attempt_, {column}).status();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(Message(status), HasSubstr(what));
  };
  refused(Column("loss", {2, 2}, {1, 1}), "step 2 follows step 2");
  refused(Column("loss", {3, 2}, {1, 1}), "step 2 follows step 3");
  refused(Column("loss", {1, 2}, {1}), "2 steps, 1 values");
  refused(Column("", {1}, {1}), "no name");
  refused(Column("loss", {std::uint64_t{1} << 63}, {1}), "above");
  EXPECT_THAT(store_->AppendPoints(attempt_, {Ramp("a", 1, 1), Ramp("a", 2, 1)}).status(),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(store_->AppendPoints(attempt_, {})->stored, 0u);
  EXPECT_EQ(store_->AppendPoints(attempt_, {Column("loss", {}, {})})->stored, 0u);
  EXPECT_TRUE(store_->ListSeries(attempt_.job)->empty());
}

TEST_F(PointsTest, SeriesNamesAreJustText) {
  const std::string name("tr\0ain/\"nll\"; DROP TABLE job --\xc3\xa9", 33);
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp(name, 1, 3)}).status());
  EXPECT_EQ(store_->ListSeries(attempt_.job)->front().name, name);
  EXPECT_EQ(store_->ReadCurve(attempt_.job, name, {})->points_total, 3u);
  EXPECT_THAT(store_->ReadCurve(attempt_.job, "tr", {}).status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(PointsTest, ResumeCopiesPointsUpToTheCheckpoint) {
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, 3000), Column("test", {2500, 2900}, {5, 6})}).status());
  ASSERT_OK(PutCheckpoint(attempt_, 2600, "weights"));
  ASSERT_OK(store_->Cancel({}, attempt_.job).status());
  EXPECT_THAT(store_->ResumeAsNew({}, attempt_.job).status(), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(FinishAs(attempt_, JobState::kCancelled).status());
  const Request request{"resume", "h"};
  const auto made = store_->ResumeAsNew(request, attempt_.job);
  ASSERT_OK(made.status());
  EXPECT_EQ(store_->ResumeAsNew(request, attempt_.job)->id, made->id);
  EXPECT_EQ(made->state, JobState::kQueued);
  EXPECT_EQ(made->spec, "spec of a");
  EXPECT_EQ(made->steps_done, 2600u);
  EXPECT_EQ(store_->ReadCurve(made->id, "loss", {})->steps, Ramp("loss", 1, 2600).steps);
  EXPECT_THAT(store_->ReadCurve(made->id, "test", {})->steps, ElementsAre(2500));

  // The old job can go; its checkpoint is shared and stays.
  ASSERT_OK(store_->Delete({}, attempt_.job));
  Reopen();
  EXPECT_EQ(CheckpointBytes(made->id), "weights");
  const auto lease = store_->LeaseNext({}, {"w"});
  EXPECT_EQ((*lease)->checkpoint_step, 2600u);
  EXPECT_EQ(store_->AppendPoints({made->id, 1}, {Ramp("loss", 2601, 500)})->stored, 500u);
  EXPECT_EQ(store_->PointsSince({made->id}, 0, 10'000)->columns.front().steps, Ramp("loss", 1, 3100).steps);
}

TEST_F(PointsTest, ResumeWithoutACheckpointStartsAfresh) {
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, 10)}).status());
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  const auto made = store_->ResumeAsNew({}, attempt_.job);
  ASSERT_OK(made.status());
  EXPECT_TRUE(store_->ListSeries(made->id)->empty());
}

}  // namespace
}  // namespace normlab::store
