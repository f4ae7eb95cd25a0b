#include "workers/watchdog.h"

#include <gtest/gtest.h>

#include <future>

namespace normlab::workers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(WatchdogEyeTest, SeesAStallOnlyAfterTheWholeLimitWithoutAMove) {
  const Watchdog::Clock::time_point start{};
  Watchdog::Eye eye(seconds(100), start);
  EXPECT_FALSE(eye.SeesStall(0, start + seconds(99)));
  EXPECT_FALSE(eye.SeesStall(1, start + seconds(150))) << "it moved";
  EXPECT_FALSE(eye.SeesStall(1, start + seconds(249)));
  EXPECT_TRUE(eye.SeesStall(1, start + seconds(250)));
}

TEST(WatchdogTest, BitesWhenNothingMoves) {
  std::promise<void> bitten;
  Watchdog watchdog(milliseconds(1), [&] { bitten.set_value(); });
  bitten.get_future().wait();
}

TEST(WatchdogTest, EndsWithItsAttempt) {
  bool bitten = false;
  {
    Watchdog watchdog(std::chrono::hours(1), [&] { bitten = true; });
  }
  EXPECT_FALSE(bitten);
}

}  // namespace
}  // namespace normlab::workers
