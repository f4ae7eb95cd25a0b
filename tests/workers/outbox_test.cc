#include "workers/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/peak_memory.h"
#include "tests/sanitizer.h"
#include "tests/workers/fake_service.h"

namespace normlab::workers {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() {
    attempt_.set_job_id("j1");
    attempt_.set_number(1);
  }
  static std::shared_ptr<const SpoolFile> Spool(std::string_view bytes) {
    auto file = *SpoolFile::Create(testing::TempDir());
    EXPECT_TRUE(file->Append(bytes).ok());
    return file;
  }

  FakeService service_;
  ServiceClient client_{service_.Channel(), ""};
  v1::Attempt attempt_;
  std::stop_source lost_;
};

TEST_F(OutboxTest, DrainSendsWhatLingers) {
  Outbox outbox(client_, attempt_, lost_.get_token(), {.linger = hours(1)});
  outbox.Point("a", 1, 0.5, 0);
  outbox.Point("b", 1, 0.25, 0);
  outbox.Point("a", 2, -0.0, 0);
  EXPECT_TRUE(outbox.Drain().ok());
  EXPECT_EQ(service_.points, (FakeService::Points{{{"a", 1}, 0.5}, {{"a", 2}, -0.0}, {{"b", 1}, 0.25}}));
}

TEST_F(OutboxTest, FullBatchesGoAtOnce) {
  Outbox outbox(client_, attempt_, lost_.get_token(), {.batch_points = 10, .linger = hours(1)});
  for (std::uint64_t step = 1; step <= 95; ++step) {
    outbox.Point("a", step, 1.0, 0);
  }
  EXPECT_TRUE(outbox.Drain().ok());
  EXPECT_EQ(service_.points.size(), 95);
  EXPECT_EQ(service_.repeated_points, 0);
}

TEST_F(OutboxTest, LargeFilesArriveWhole) {
  Outbox outbox(client_, attempt_, lost_.get_token());
  std::string bytes(3 * (256 << 10) + 17, 'x');
  bytes[700'000] = 'y';
  outbox.Artifact("picture.png", "image/png", 3, Spool(bytes));
  outbox.Checkpoint(3, Spool(bytes + "z"));
  outbox.Artifact("empty", "text/plain", 3, Spool(""));
  EXPECT_TRUE(outbox.Drain().ok());
  EXPECT_EQ(service_.artifacts.at("picture.png"), bytes);
  EXPECT_EQ(service_.checkpoints.at(3), bytes + "z");
  EXPECT_EQ(service_.artifacts.at("empty"), "");
}

TEST_F(OutboxTest, AFileLargerThanAllMemoryAllowedPassesInPieces) {
  constexpr std::uint64_t kSize = std::uint64_t{256} << 20, kAllowed = std::uint64_t{32} << 20;
  service_.drops_files = true;
  Outbox outbox(client_, attempt_, lost_.get_token());
  outbox.Checkpoint(1, Spool("warm"));
  ASSERT_TRUE(outbox.Drain().ok());
  ForgetPeakMemory();
  const std::uint64_t idle = PeakMemory();
  auto file = *SpoolFile::Create(testing::TempDir());
  const std::string piece(1 << 20, 'w');
  while (file->size() < kSize) {
    ASSERT_TRUE(file->Append(piece).ok());
  }
  outbox.Artifact("weights.safetensors", "application/octet-stream", 2, std::move(file));
  EXPECT_TRUE(outbox.Drain().ok());
  EXPECT_EQ(service_.artifacts.count("weights.safetensors"), 1);
  EXPECT_TRUE(kSanitized || PeakMemory() < idle + kAllowed) << PeakMemory() - idle;
}

TEST_F(OutboxTest, ProducersWaitForASlowServer) {
  constexpr std::size_t kMost = 64;
  std::atomic<std::size_t> produced = 0;
  std::size_t most_unsent = 0;
  service_.on_points = [&] { most_unsent = std::max(most_unsent, produced - service_.points.size()); };
  Outbox outbox(client_, attempt_, lost_.get_token(),
                {.max_bytes = kMost * 32, .batch_points = 8, .linger = milliseconds(1)});
  for (std::uint64_t step = 1; step <= 20'000; ++step) {
    outbox.Point("a", step, 1.0, 0);
    ++produced;
  }
  EXPECT_TRUE(outbox.Drain().ok());
  EXPECT_EQ(service_.points.size(), 20'000);
  EXPECT_LE(most_unsent, kMost);
  EXPECT_GT(most_unsent, 0);
}

TEST_F(OutboxTest, ALostLeaseReleasesWhoeverWaits) {
  service_.on_points = [&] { lost_.request_stop(); };
  Outbox outbox(client_, attempt_, lost_.get_token(), {.max_bytes = 64, .batch_points = 1, .linger = milliseconds(1)});
  for (std::uint64_t step = 1; step <= 1000; ++step) {
    outbox.Point("a", step, 1.0, 0);
  }
  EXPECT_EQ(outbox.Drain().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(outbox.failed());
  EXPECT_LT(service_.points.size(), 1000);
}

TEST_F(OutboxTest, AFailureIsKeptAndNothingMoreIsSent) {
  service_.Script("AppendPoints", {grpc::StatusCode::FAILED_PRECONDITION, "stale"});
  Outbox outbox(client_, attempt_, lost_.get_token(), {.linger = milliseconds(1)});
  outbox.Point("a", 1, 1.0, 0);
  EXPECT_EQ(outbox.Drain().code(), absl::StatusCode::kFailedPrecondition);
  outbox.Checkpoint(1, Spool("bytes"));
  EXPECT_EQ(outbox.Drain().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(service_.checkpoints.empty());
}

}  // namespace
}  // namespace normlab::workers
