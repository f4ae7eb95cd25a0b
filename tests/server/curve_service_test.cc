#include <bit>
#include <cmath>
#include <latch>
#include <limits>
#include <thread>

#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;

class CurveServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Create(1);
    attempt_ = LeaseOne().attempt();
  }

  grpc::Status Read(v1::ReadCurveRequest request, std::vector<v1::ReadCurveResponse>* messages) {
    CallContext context;
    const auto reader = curves_->ReadCurve(&context, request);
    v1::ReadCurveResponse message;
    while (reader->Read(&message)) {
      messages->push_back(message);
    }
    return reader->Finish();
  }
  v1::ReadCurveRequest Request(const std::string& series) const {
    v1::ReadCurveRequest request;
    request.set_job_id(attempt_.job_id());
    request.set_series(series);
    return request;
  }

  v1::Attempt attempt_;
};

TEST_F(CurveServiceTest, SeriesAreSummarised) {
  ASSERT_TRUE(Append(attempt_, "train/nll", 0, 10).ok());
  ASSERT_TRUE(Append(attempt_, "test/error", 5, 1).ok());
  CallContext context;
  v1::ListSeriesRequest request;
  request.set_job_id(attempt_.job_id());
  v1::ListSeriesResponse response;
  ASSERT_TRUE(curves_->ListSeries(&context, request, &response).ok());
  ASSERT_EQ(response.series_size(), 2);
  EXPECT_EQ(response.series(0).name(), "test/error");
  const v1::Series& nll = response.series(1);
  EXPECT_EQ(nll.points(), 10u);
  EXPECT_EQ(nll.first_step(), 0u);
  EXPECT_EQ(nll.last_step(), 9u);
  EXPECT_EQ(nll.max(), 1.0);
  EXPECT_EQ(nll.last(), 0.1);
}

TEST_F(CurveServiceTest, ValuesKeepTheirBits) {
  v1::AppendPointsRequest request;
  *request.mutable_attempt() = attempt_;
  auto& columns = *request.add_columns();
  columns.set_series("odd");
  const std::vector<double> values = {std::bit_cast<double>(0x7ff8000000000123ULL), -0.0, 5e-324,
                                      std::numeric_limits<double>::infinity(), 0.1};
  for (std::size_t i = 0; i < values.size(); ++i) {
    columns.add_steps(i);
    columns.add_values(values[i]);
    columns.add_wall_ms(static_cast<std::int64_t>(i));
  }
  CallContext context;
  v1::AppendPointsResponse appended;
  ASSERT_TRUE(workers_->AppendPoints(&context, request, &appended).ok());
  std::vector<v1::ReadCurveResponse> messages;
  ASSERT_TRUE(Read(Request("odd"), &messages).ok());
  ASSERT_EQ(messages.size(), 1u);
  ASSERT_EQ(messages[0].values_size(), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(messages[0].values(i)),
              std::bit_cast<std::uint64_t>(values[static_cast<std::size_t>(i)]));
  }
  RecordReliability(31, fmt::format("{} through the API: the same bits", values.size()));
}

TEST_F(CurveServiceTest, LongCurvesComeInMessagesOf4096Points) {
  ASSERT_TRUE(Append(attempt_, "train/nll", 0, 10'000).ok());
  std::vector<v1::ReadCurveResponse> messages;
  ASSERT_TRUE(Read(Request("train/nll"), &messages).ok());
  ASSERT_EQ(messages.size(), 3u);
  std::uint64_t next = 0;
  for (const auto& message : messages) {
    EXPECT_LE(message.steps_size(), 4096);
    EXPECT_EQ(message.points_total(), 10'000u);
    EXPECT_EQ(message.wall_ms_size(), message.steps_size());
    for (const std::uint64_t step : message.steps()) {
      EXPECT_EQ(step, next++);
    }
  }
  EXPECT_EQ(next, 10'000u);
}

TEST_F(CurveServiceTest, RangesAndDownsampling) {
  ASSERT_TRUE(Append(attempt_, "train/nll", 0, 1000).ok());
  v1::ReadCurveRequest request = Request("train/nll");
  request.set_from_step(100);
  request.set_to_step(899);
  request.set_max_points(50);
  for (const auto way : {v1::DOWNSAMPLING_UNSPECIFIED, v1::DOWNSAMPLING_MIN_MAX, v1::DOWNSAMPLING_LTTB}) {
    request.set_downsampling(way);
    std::vector<v1::ReadCurveResponse> messages;
    ASSERT_TRUE(Read(request, &messages).ok());
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_LE(messages[0].steps_size(), 50);
    EXPECT_GT(messages[0].steps_size(), 10);
    EXPECT_EQ(messages[0].points_total(), 800u);
    EXPECT_GE(messages[0].steps(0), 100u);
  }
}

TEST_F(CurveServiceTest, WrongRequestsNameTheirFields) {
  std::vector<v1::ReadCurveResponse> messages;
  v1::ReadCurveRequest request;
  request.set_series("a\nb");
  request.set_from_step(9);
  request.set_to_step(8);
  request.set_downsampling(static_cast<v1::Downsampling>(9));
  EXPECT_THAT(WrongFields(Read(request, &messages)),
              testing::UnorderedElementsAre("job_id", "series", "to_step", "downsampling"));
  request = Request("train/nll");
  request.set_from_step(1ULL << 63);
  EXPECT_THAT(WrongFields(Read(request, &messages)), ElementsAre("from_step"));
  request.set_from_step(0);
  request.set_job_id("j12345");
  EXPECT_EQ(Read(request, &messages).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(messages.size(), 0u);
}

TEST_F(CurveServiceTest, WatchNeedsJobs) {
  for (const std::string id : {"", "x", "j77"}) {
    CallContext context;
    v1::WatchCurvesRequest request;
    if (!id.empty()) {
      request.add_job_ids(id);
    }
    const auto reader = curves_->WatchCurves(&context, request);
    v1::WatchCurvesResponse message;
    EXPECT_FALSE(reader->Read(&message));
    EXPECT_EQ(reader->Finish().error_code(),
              id == "j77" ? grpc::StatusCode::NOT_FOUND : grpc::StatusCode::INVALID_ARGUMENT);
  }
}

// Reads a growing curve, cut off after every message and taken up again: each point once, in order.
TEST_F(CurveServiceTest, AFollowerThatIsCutOffMissesNothingAndSeesNothingTwice) {
  constexpr std::uint64_t kPoints = 2000;
  std::latch cut_once(1);  // the second half comes behind a cut, however slow the follower is
  std::thread trainer([&] {
    for (std::uint64_t step = 0; step < kPoints; step += 20) {
      if (step == kPoints / 2) {
        cut_once.wait();
      }
      EXPECT_TRUE(Append(attempt_, "train/nll", step, 20).ok());
    }
    EXPECT_TRUE(Finish(attempt_).ok());
  });
  std::vector<std::uint64_t> steps;
  v1::WatchCurvesRequest request;
  request.add_job_ids(attempt_.job_id());
  bool ended = false;
  int cuts = 0;
  while (!ended) {
    CallContext context;
    const auto reader = curves_->WatchCurves(&context, request);
    v1::WatchCurvesResponse message;
    if (reader->Read(&message)) {
      for (const auto& columns : message.columns()) {
        EXPECT_EQ(columns.series(), "train/nll");
        EXPECT_EQ(columns.steps_size(), columns.values_size());
        steps.insert(steps.end(), columns.steps().begin(), columns.steps().end());
      }
      EXPECT_GT(message.sequence(), request.after_sequence());
      request.set_after_sequence(message.sequence());
      context.TryCancel();
      if (++cuts == 1) {
        cut_once.count_down();
      }
    } else {
      ended = reader->Finish().ok();
      ASSERT_TRUE(ended);
    }
  }
  trainer.join();
  ASSERT_EQ(steps.size(), kPoints);
  for (std::uint64_t i = 0; i < kPoints; ++i) {
    EXPECT_EQ(steps[i], i);
  }
  EXPECT_GT(cuts, 1);
  RecordReliability(37, fmt::format("{} points, cut again and again: each once", kPoints));
}

TEST_F(CurveServiceTest, AFollowerOfOneStreamSeesTheWholeCurveAndItsEnd) {
  v1::WatchCurvesRequest request;
  request.add_job_ids(attempt_.job_id());
  CallContext context;
  const auto reader = curves_->WatchCurves(&context, request);
  ASSERT_TRUE(Append(attempt_, "train/nll", 0, 5).ok());
  v1::WatchCurvesResponse message;
  ASSERT_TRUE(reader->Read(&message));
  std::size_t points = static_cast<std::size_t>(message.columns(0).steps_size());
  ASSERT_TRUE(Append(attempt_, "train/nll", 5, 5000).ok());
  ASSERT_TRUE(Finish(attempt_).ok());
  while (reader->Read(&message)) {
    for (const auto& columns : message.columns()) {
      points += static_cast<std::size_t>(columns.steps_size());
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(points, 5005u);
}

}  // namespace
}  // namespace normlab::server
