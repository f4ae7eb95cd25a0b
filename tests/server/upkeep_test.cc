#include "server/schedule/upkeep.h"

#include <atomic>

#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

constexpr std::int64_t kHour = 3'600'000;  // ms
constexpr std::int64_t kWeek = 7 * 24 * kHour;

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() : store_(*store::Store::Open(folder_.path())) {}

  UpkeepOptions Options(int rest) {
    return {.record = folder_.path() + "/scrub.txt", .rest = rest, .now_ms = [this] { return now_ms_.load(); }};
  }

  const ScratchFolder folder_;
  const std::unique_ptr<store::Store> store_;
  std::atomic<std::int64_t> now_ms_{1'800'000'000'000};
};

TEST_F(UpkeepTest, AScrubComesEveryWeekByTheClock) {
  std::int64_t ended_ms = 0;
  {
    Upkeep upkeep(*store_, Options(/*rest=*/0));
    EXPECT_EQ(upkeep.scrub().next_ms, now_ms_ + kHour) << "not while a server that is new has other things to do";
    ASSERT_TRUE(upkeep.StartScrub().ok());
    ASSERT_TRUE(Eventually([&] { return upkeep.scrub().ended_ms > 0; }));
    ended_ms = upkeep.scrub().ended_ms;
    EXPECT_EQ(ended_ms, now_ms_);
    EXPECT_EQ(upkeep.scrub().next_ms, ended_ms + kWeek);
  }
  now_ms_ += kWeek - kHour / 2;
  EXPECT_EQ(Upkeep(*store_, Options(0)).scrub().next_ms, now_ms_ + kHour) << "a start is no reason to hurry";
  now_ms_ += kWeek;
  UpkeepOptions options = Options(0);
  options.first_scrub = std::chrono::minutes(0);
  Upkeep upkeep(*store_, options);
  EXPECT_TRUE(Eventually([&] { return upkeep.scrub().ended_ms == now_ms_; })) << "nobody asked for it";
}

TEST_F(UpkeepTest, OneScrubAtATimeWhichRestsAndEndsWithTheServer) {
  store::NewJob job;
  job.spec = "spec";
  job.experiment = "mnist_mlp";
  job.identity = "identity";
  ASSERT_TRUE(store_->CreateJobs({}, {job}).ok());
  const store::Job leased = (**store_->LeaseNext({}, {"there:1"})).job;
  std::vector<store::PointColumns> curves;
  for (const char* series : {"a", "b", "c", "d", "e"}) {
    curves.push_back({.series = series, .steps = {1}, .values = {0.5}, .wall_ms = {1}});
  }
  ASSERT_TRUE(store_->AppendPoints({.job = leased.id, .number = leased.attempt}, curves).ok());
  Upkeep upkeep(*store_, Options(/*rest=*/1'000'000));  // after each curve as long as it may
  ASSERT_TRUE(upkeep.StartScrub().ok());
  ASSERT_TRUE(Eventually([&] { return upkeep.scrub().done > 0; }));
  EXPECT_EQ(upkeep.StartScrub().code(), absl::StatusCode::kFailedPrecondition);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(upkeep.Check("", [](const store::UpkeepProgress&) { return true; }).ok());
  }
  EXPECT_TRUE(upkeep.scrub().under_way) << "one that does not rest began sooner and has read less than three";
  EXPECT_EQ(upkeep.scrub().ended_ms, 0);
}

}  // namespace
}  // namespace normlab::server
