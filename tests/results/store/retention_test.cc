// Which checkpoints of a job that is over are kept, rows and files alike.
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::IsEmpty;

class RetentionTest : public StoreTest {
 protected:
  // A job with checkpoints after 10 and 20 updates.
  AttemptId RunToTwenty(const std::string& identity) {
    const AttemptId attempt = CreateAndLease(identity);
    EXPECT_OK(PutCheckpoint(attempt, 10, "after 10"));
    EXPECT_OK(PutCheckpoint(attempt, 20, "after 20"));
    return attempt;
  }
  absl::Status End(AttemptId attempt, JobState state, std::uint64_t steps_done) {
    FinishInfo info;
    info.state = state;
    info.steps_done = steps_done;
    return store_->Finish(attempt, info).status();
  }
  std::size_t Files() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_.path() + "/checkpoints"),
                                                  std::filesystem::directory_iterator()));
  }
  // The steps of the checkpoints that are left.
  std::vector<std::uint64_t> Kept(JobId job) {
    std::vector<std::uint64_t> steps;
    for (std::uint64_t most = 100;;) {
      const auto checkpoint = store_->OpenCheckpoint(job, most);
      if (!checkpoint.ok()) {
        EXPECT_THAT(checkpoint.status(), HasCode(absl::StatusCode::kNotFound));
        return steps;
      }
      steps.push_back(checkpoint->info.step);
      most = checkpoint->info.step - 1;
    }
  }
};

TEST_F(RetentionTest, OneUnderWayKeepsTwo) {
  const AttemptId attempt = RunToTwenty("a");
  EXPECT_OK(PutCheckpoint(attempt, 30, "after 30"));
  EXPECT_THAT(Kept(attempt.job), testing::ElementsAre(30, 20));
  EXPECT_OK(store_->Release(attempt, "the server stops"));
  EXPECT_THAT(Kept(attempt.job), testing::ElementsAre(30, 20)) << "it goes on";
  EXPECT_EQ(Files(), 2u);
}

// It could not read what there was and began from step 0. Were those kept because they are the newest, none of its own would
// ever be.
TEST_F(RetentionTest, OneThatHadToBeginAgainKeepsItsOwn) {
  const AttemptId first = RunToTwenty("a");
  ASSERT_OK(store_->Release(first, "its worker died"));
  const AttemptId second = LeaseOne();
  ASSERT_OK(PutCheckpoint(second, 5, "after 5, again"));
  EXPECT_THAT(Kept(second.job), testing::ElementsAre(5));
  EXPECT_EQ(CheckpointBytes(second.job), "after 5, again");
  EXPECT_EQ(Files(), 1u);
  ASSERT_OK(PutCheckpoint(second, 10, "after 10, again"));
  ASSERT_OK(PutCheckpoint(second, 20, "after 20, again"));
  EXPECT_THAT(Kept(second.job), testing::ElementsAre(20, 10));
  EXPECT_EQ(CheckpointBytes(second.job), "after 20, again");
}

TEST_F(RetentionTest, OneThatComesTooLateLeavesNoFile) {
  const AttemptId attempt = RunToTwenty("a");
  ASSERT_OK(PutCheckpoint(attempt, 5, "sent twice, and late"));
  EXPECT_THAT(Kept(attempt.job), testing::ElementsAre(20, 10));
  EXPECT_EQ(Files(), 2u);
}

// The newest, and the one before should that be damaged.
TEST_F(RetentionTest, OneThatCanBeResumedKeepsBoth) {
  const AttemptId failed = RunToTwenty("failed");
  ASSERT_OK(End(failed, JobState::kFailed, 20));
  EXPECT_THAT(Kept(failed.job), testing::ElementsAre(20, 10));
  const AttemptId cancelled = RunToTwenty("cancelled");
  ASSERT_OK(store_->Cancel({}, cancelled.job).status());
  ASSERT_OK(End(cancelled, JobState::kCancelled, 20));
  EXPECT_THAT(Kept(cancelled.job), testing::ElementsAre(20, 10));
  EXPECT_EQ(Files(), 4u);

  const auto resumed = store_->ResumeAsNew({}, cancelled.job);
  ASSERT_OK(resumed.status());
  EXPECT_EQ(resumed->steps_done, 20u);
  EXPECT_EQ(CheckpointBytes(resumed->id), "after 20");
}

TEST_F(RetentionTest, OneThatIsCancelledInTheQueueKeepsBoth) {
  const AttemptId attempt = RunToTwenty("a");
  ASSERT_OK(store_->Release(attempt, "the worker went"));
  ASSERT_OK(store_->Cancel({"r", "h"}, attempt.job).status());
  EXPECT_EQ(StateOf(attempt.job), JobState::kCancelled);
  EXPECT_THAT(Kept(attempt.job), testing::ElementsAre(20, 10));
}

TEST_F(RetentionTest, OneThatHasItsResultKeepsWhatItsEndIsVerifiedFrom) {
  const AttemptId succeeded = RunToTwenty("succeeded");
  ASSERT_OK(End(succeeded, JobState::kSucceeded, 20));
  EXPECT_THAT(Kept(succeeded.job), testing::ElementsAre(10)) << "behind 20 there is nothing to repeat";
  const AttemptId diverged = RunToTwenty("diverged");
  ASSERT_OK(End(diverged, JobState::kDiverged, 25));
  EXPECT_THAT(Kept(diverged.job), testing::ElementsAre(20));
  const AttemptId brief = CreateAndLease("brief");
  ASSERT_OK(PutCheckpoint(brief, 5, "its last"));
  ASSERT_OK(End(brief, JobState::kSucceeded, 5));
  EXPECT_THAT(Kept(brief.job), IsEmpty());
  EXPECT_EQ(Files(), 2u);
}

TEST_F(RetentionTest, AFileThatAnotherJobGoesOnFromStays) {
  const AttemptId first = RunToTwenty("a");
  ASSERT_OK(End(first, JobState::kFailed, 20));
  ASSERT_OK(store_->ResumeAsNew({}, first.job).status());
  const AttemptId second = LeaseOne();
  ASSERT_OK(End(second, JobState::kSucceeded, 20));
  EXPECT_THAT(Kept(second.job), IsEmpty());
  EXPECT_EQ(CheckpointBytes(first.job), "after 20");
  ASSERT_OK(store_->Delete({}, first.job));
  EXPECT_EQ(Files(), 0u);
}

// As a store of before the rule has them, or one that crashed between an end's transaction and its files.
TEST_F(RetentionTest, WhatIsThereOfOldIsRemovedWhenTheStoreOpens) {
  std::vector<AttemptId> jobs;
  for (int i = 0; i < 3; ++i) {
    jobs.push_back(RunToTwenty(std::to_string(i)));
  }
  store_.reset();
  {
    const auto db = Connection::Open(folder_.path() + "/normlab.db", {});
    ASSERT_OK((*db)->Script("UPDATE job SET state = 4, steps_done = 20 WHERE id < 3"));
  }
  Reopen();
  EXPECT_THAT(Kept(jobs[0].job), testing::ElementsAre(10));
  EXPECT_THAT(Kept(jobs[1].job), testing::ElementsAre(10));
  EXPECT_THAT(Kept(jobs[2].job), testing::ElementsAre(20, 10)) << "it is under way";
  EXPECT_EQ(Files(), 4u);
}

}  // namespace
}  // namespace normlab::store
