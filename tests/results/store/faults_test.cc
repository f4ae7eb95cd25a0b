// A full disk and a disk that fails.
#include "tests/reliability.h"
#include "tests/results/store/fake_disk.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;

class FaultsTest : public testing::Test {
 protected:
  FaultsTest() {
    Open();
    EXPECT_OK(store_->CreateJobs({}, {MakeJob("a")}).status());
    EXPECT_OK(store_->LeaseNext({}, {"w"}).status());
    EXPECT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, 100)}).status());
  }

  void Open() {
    StoreOptions options;
    options.on_stopped = [this](const absl::Status& why) { stopped_.push_back(Message(why)); };
    auto opened = OpenStore(folder_.path(), options, {.vfs = FakeDisk::kName});
    ASSERT_OK(opened.status());
    store_ = *std::move(opened);
  }

  std::uint64_t Stored() { return store_->ReadCurve(1, "loss", {})->points_total; }

  FakeDisk disk_;
  ScratchFolder folder_;
  std::vector<std::string> stopped_;
  std::unique_ptr<Store> store_;
  const AttemptId attempt_{1, 1};
};

TEST_F(FaultsTest, AFullDiskRefusesWritesAndRecovers) {
  disk_.LimitGrowth(2'000);
  const absl::Status status = store_->AppendPoints(attempt_, {Ramp("loss", 101, 2'000)}).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Message(status), HasSubstr("full"));
  EXPECT_THAT(store_->CreateJobs({"r", "h"}, {MakeJob("b")}).status(), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(store_->Cancel({}, 1).status(), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Stored(), 100u);
  EXPECT_EQ(store_->GetJob(1)->state, JobState::kRunning);
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 1u);
  EXPECT_TRUE(stopped_.empty()) << "a full disk is no reason to stop";

  disk_.LimitGrowth(1'000'000'000);
  EXPECT_EQ(store_->AppendPoints(attempt_, {Ramp("loss", 101, 2'000)})->stored, 2'000u);
  EXPECT_OK(store_->CreateJobs({"r", "h"}, {MakeJob("b")}).status());
  EXPECT_EQ(Stored(), 2'100u);
  store_.reset();
  Open();
  EXPECT_EQ(Stored(), 2'100u);
  RecordReliability(14, "refused, read, and written again without a restart");
}

TEST_F(FaultsTest, AfterAFailedSyncNothingIsAcknowledgedUntilReopened) {
  disk_.FailSyncs(1);
  const absl::Status status = store_->AppendPoints(attempt_, {Ramp("loss", 101, 10)}).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(stopped_, testing::ElementsAre(HasSubstr("I/O error"))) << "its owner is told, before the call returns";
  disk_.FailSyncs(0);
  const absl::Status later = store_->AppendPoints(attempt_, {Ramp("loss", 101, 10)}).status();
  EXPECT_THAT(later, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Message(later), HasSubstr("restart the server"));
  EXPECT_THAT(store_->CreateJobs({}, {MakeJob("b")}).status(), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(store_->GetJob(1)->state, JobState::kRunning) << "reads go on";
  EXPECT_GE(Stored(), 100u);
  EXPECT_EQ(stopped_.size(), 1u) << "once";
  const std::string file = *PosixFileSystem().Read(folder_.path() + "/normlab.db");
  store_.reset();
  EXPECT_TRUE(file == *PosixFileSystem().Read(folder_.path() + "/normlab.db"))
      << "nothing of a log that may not be on disk is moved into the file";
  Open();
  const auto result = store_->AppendPoints(attempt_, {Ramp("loss", 101, 10)});
  ASSERT_OK(result.status());
  EXPECT_EQ(result->stored + result->repeated, 10u);
  EXPECT_EQ(Stored(), 110u);
  RecordReliability(16, "0 acknowledged after it; reopened it is whole");
}

// Whichever sync it is that fails: of a commit, or of what moves the log into the file.
TEST_F(FaultsTest, WhicheverSyncFailsWhatWasAcknowledgedIsThere) {
  constexpr std::uint64_t kSyncs = 40;
  constexpr int kAtOnce = 2'000;
  std::uint64_t acknowledged = Stored();
  for (std::uint64_t k = 1; k <= kSyncs; ++k) {
    disk_.FailSyncs(k);
    bool failed = false;
    for (int call = 0; call < 3 * static_cast<int>(kSyncs); ++call) {
      const auto result = store_->AppendPoints(attempt_, {Ramp("loss", acknowledged + 1, kAtOnce)});
      ASSERT_FALSE(failed && result.ok()) << "acknowledged after sync " << k << " failed";
      failed = failed || !result.ok();
      acknowledged += result.ok() ? kAtOnce : 0;
      if (failed && call > 0) {
        break;
      }
    }
    ASSERT_TRUE(failed) << "sync " << k << " was never asked for";
    store_.reset();
    disk_.FailSyncs(0);
    Open();
    ASSERT_GE(Stored(), acknowledged) << "sync " << k;
    acknowledged = Stored();
  }
  const auto curve = store_->ReadCurve(1, "loss", {});
  ASSERT_OK(curve.status());
  for (std::size_t i = 0; i < curve->steps.size(); ++i) {
    ASSERT_EQ(curve->steps[i], i + 1);
  }
  RecordReliability(16, fmt::format("each of {} syncs in turn: all that was acknowledged is there", kSyncs));
}

}  // namespace
}  // namespace normlab::store
