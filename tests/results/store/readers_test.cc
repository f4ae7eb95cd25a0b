#include "results/store/readers.h"

#include <latch>
#include <thread>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;

class ReadersTest : public StoreTest {
 protected:
  std::unique_ptr<Readers> Open(std::chrono::milliseconds deadline) {
    auto readers = Readers::Open(folder_.path() + "/normlab.db", 1, "", deadline);
    EXPECT_OK(readers.status());
    return *std::move(readers);
  }
  static absl::StatusOr<std::int64_t> Count(Readers& readers) {
    return readers.Read([](Connection& db) { return db.Int("SELECT count(*) FROM job"); });
  }
};

TEST_F(ReadersTest, AReadThatCannotBeginIsRefusedInTime) {
  const auto readers = Open(std::chrono::milliseconds(1));
  std::latch began(1), refused(1);
  std::thread holder([&] {
    EXPECT_OK(readers->Read([&](Connection&) {
      began.count_down();
      refused.wait();
      return absl::OkStatus();
    }));
  });
  began.wait();
  const absl::Status status = Count(*readers).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Message(status), HasSubstr("all 1 connections were at work; try again"));
  refused.count_down();
  holder.join();
  EXPECT_OK(Count(*readers).status());
}

TEST_F(ReadersTest, SoIsOneThatIsHeldBack) {
  const auto readers = Open(std::chrono::milliseconds(1));
  readers->Pause();
  EXPECT_THAT(Count(*readers).status(), HasCode(absl::StatusCode::kResourceExhausted));
  readers->Resume();
  EXPECT_OK(Count(*readers).status());
}

TEST_F(ReadersTest, OneThatWaitsGoesOnWhenItsTurnComes) {
  const auto readers = Open(std::chrono::hours(1));
  std::latch began(1), go(1);
  std::thread holder([&] {
    EXPECT_OK(readers->Read([&](Connection&) {
      began.count_down();
      go.wait();
      return absl::OkStatus();
    }));
  });
  began.wait();
  std::thread waits([&] { EXPECT_OK(Count(*readers).status()); });
  go.count_down();
  waits.join();
  holder.join();
}

}  // namespace
}  // namespace normlab::store
