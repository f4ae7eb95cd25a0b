// An attempt goes on from what was stored by the same computation, and drops what was stored by another one.
#include <filesystem>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using RestartTest = StoreTest;

Computation By(const std::string& arithmetic, const std::string& numerics = "1") {
  return {"identity of numerics " + numerics, {{"arithmetic", arithmetic}, {"numerics_revision", numerics}}};
}

std::size_t FilesIn(const std::string& folder) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  return files;
}

TEST_F(RestartTest, TheSameComputationGoesOn) {
  const AttemptId first = CreateAndLease("a");
  EXPECT_FALSE(*store_->StartAttempt(first, By("AVX3")));
  ASSERT_OK(store_->AppendPoints(first, {Ramp("loss", 1, 5)}).status());
  ASSERT_OK(PutCheckpoint(first, 5, "weights"));
  ASSERT_OK(store_->Release(first, "worker died"));
  const AttemptId second = LeaseOne();
  EXPECT_FALSE(*store_->StartAttempt(second, By("AVX3")));
  EXPECT_EQ(store_->AppendPoints(second, {Ramp("loss", 1, 7)})->repeated, 5u);
  EXPECT_EQ(CheckpointBytes(second.job), "weights");
  const Job job = *store_->GetJob(second.job);
  EXPECT_EQ(job.facts, By("AVX3").facts);
  EXPECT_EQ(job.identity, By("AVX3").identity);
}

// A point that differs fails a job as not deterministic; here all differ, and it is a fresh start.
TEST_F(RestartTest, AnotherInstructionSetStartsFromZero) {
  const AttemptId first = CreateAndLease("a");
  EXPECT_FALSE(*store_->StartAttempt(first, By("AVX3")));
  ASSERT_OK(store_->AppendPoints(first, {Column("loss", {1, 2, 3}, {0.5, 0.25, 0.125})}).status());
  ASSERT_OK(store_->AppendPoints(first, {Ramp("long", 0, 3'000)}).status());
  ASSERT_OK(PutCheckpoint(first, 3, "weights"));
  ASSERT_OK(PutArtifact(first, {"a.png", "image/png", 3}, "png"));
  ASSERT_OK(store_->ReportProgress(first, {.steps_done = 3, .steps_total = 9}).status());
  ASSERT_OK(store_->Release(first, "worker died"));
  const std::size_t files = FilesIn(folder_.path());

  const AttemptId second = LeaseOne();
  EXPECT_TRUE(*store_->StartAttempt(second, By("AVX2")));
  EXPECT_TRUE(*store_->StartAttempt(second, By("AVX2"))) << "a repeated call gets the same answer";
  EXPECT_THAT(*store_->ListSeries(second.job), IsEmpty());
  EXPECT_THAT(*store_->ListArtifacts(second.job), IsEmpty());
  EXPECT_THAT(store_->OpenCheckpoint(second.job).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(FilesIn(folder_.path()), files - 2);
  ASSERT_OK(store_->AppendPoints(second, {Column("loss", {1, 2, 3}, {0.75, 0.375, 0.1875})}).status());
  EXPECT_TRUE(*store_->StartAttempt(second, By("AVX2")));
  EXPECT_EQ(store_->ListSeries(second.job)->front().points, 3u) << "points of this attempt stay";

  const Job job = *store_->GetJob(second.job);
  EXPECT_EQ(job.state, JobState::kRunning);
  EXPECT_EQ(job.steps_done, 0u);
  EXPECT_EQ(job.facts.at("arithmetic"), "AVX2");
  EXPECT_EQ(job.facts.at("restarted"), "from step 0 by attempt 2: arithmetic was AVX3, here it is AVX2");
  FinishInfo info;
  info.facts = {{"threads", "2"}};
  const Job ended = *store_->Finish(second, info);
  EXPECT_EQ(ended.facts.at("restarted"), job.facts.at("restarted")) << "an outcome keeps it";
  EXPECT_EQ(ended.facts.at("threads"), "2");
}

TEST_F(RestartTest, AnotherRevisionStartsFromZeroUnderItsOwnIdentity) {
  const AttemptId first = CreateAndLease("a");
  EXPECT_FALSE(*store_->StartAttempt(first, By("AVX3", "1")));
  ASSERT_OK(store_->AppendPoints(first, {Ramp("loss", 1, 5)}).status());
  ASSERT_OK(store_->Release(first, "upgraded"));
  EXPECT_TRUE(*store_->StartAttempt(LeaseOne(), By("AVX3", "2")));
  EXPECT_EQ((*store_->FindByIdentity("identity of numerics 2"))->id, first.job);
  EXPECT_FALSE(store_->FindByIdentity("identity of numerics 1")->has_value());
}

// A store of a version that kept no such facts.
TEST_F(RestartTest, ResultsOfNobodyKnowsWhatAreDropped) {
  const AttemptId first = CreateAndLease("a");
  ASSERT_OK(store_->AppendPoints(first, {Ramp("loss", 1, 5)}).status());
  ASSERT_OK(store_->Release(first, "upgraded"));
  const AttemptId second = LeaseOne();
  EXPECT_TRUE(*store_->StartAttempt(second, By("AVX3")));
  EXPECT_THAT(store_->GetJob(second.job)->facts.at("restarted"), HasSubstr("is not known, here it is AVX3"));
}

// They died on the way from what is no more.
TEST_F(RestartTest, DeathsOfBeforeCountNoMore) {
  constexpr int kMost = 3;
  AttemptId attempt = CreateAndLease("a");
  ASSERT_OK(store_->StartAttempt(attempt, By("AVX3")).status());
  ASSERT_OK(PutCheckpoint(attempt, 5, "weights"));
  for (int death = 0; death < 3; ++death) {  // the first got further
    ASSERT_OK(store_->Died(attempt, "killed", kMost));
    attempt = LeaseOne();
  }
  EXPECT_TRUE(*store_->StartAttempt(attempt, By("AVX2")));
  ASSERT_OK(store_->Died(attempt, "killed", kMost));
  EXPECT_EQ(StateOf(attempt.job), JobState::kQueued);
  const std::vector<AttemptInfo> attempts = *store_->ListAttempts(attempt.job);
  ASSERT_EQ(attempts.size(), 4u);
  EXPECT_EQ(attempts[0].first_step, std::nullopt);
  EXPECT_EQ(attempts[1].first_step, 5u) << "what was, was";
  EXPECT_EQ(attempts[3].first_step, std::nullopt) << "it was leased from there and began from none";

  for (int death = 2; death <= kMost; ++death) {
    EXPECT_EQ(StateOf(attempt.job), JobState::kQueued);
    attempt = LeaseOne();
    EXPECT_FALSE(*store_->StartAttempt(attempt, By("AVX2")));
    ASSERT_OK(store_->Died(attempt, "killed", kMost));
  }
  EXPECT_EQ(StateOf(attempt.job), JobState::kFailed) << "those of after it do";
}

TEST_F(RestartTest, AJobWithoutResultsHasNothingToRestart) {
  const AttemptId first = CreateAndLease("a");
  EXPECT_FALSE(*store_->StartAttempt(first, By("AVX3")));
  ASSERT_OK(store_->Release(first, "worker died"));
  const AttemptId second = LeaseOne();
  EXPECT_FALSE(*store_->StartAttempt(second, By("AVX2")));
  EXPECT_FALSE(store_->GetJob(second.job)->facts.contains("restarted"));
}

TEST_F(RestartTest, AStaleAttemptDropsNothing) {
  const AttemptId first = CreateAndLease("a");
  EXPECT_FALSE(*store_->StartAttempt(first, By("AVX3")));
  ASSERT_OK(store_->AppendPoints(first, {Ramp("loss", 1, 5)}).status());
  ASSERT_OK(store_->Release(first, "worker died"));
  EXPECT_FALSE(*store_->StartAttempt(LeaseOne(), By("AVX3")));
  EXPECT_THAT(store_->StartAttempt(first, By("AVX2")).status(), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(store_->ListSeries(first.job)->front().points, 5u);
}

// `resume` takes points and checkpoint over into a new job, and with them what computed them.
TEST_F(RestartTest, AResumedJobKnowsWhatComputedWhatItTookOver) {
  for (const auto& [here, restarted] : {std::pair("AVX3", false), std::pair("AVX2", true)}) {
    const AttemptId first = CreateAndLease(here);
    ASSERT_OK(store_->StartAttempt(first, By("AVX3")).status());
    ASSERT_OK(store_->AppendPoints(first, {Ramp("loss", 1, 5)}).status());
    ASSERT_OK(PutCheckpoint(first, 5, "weights"));
    ASSERT_OK(FinishAs(first, JobState::kFailed).status());
    ASSERT_OK(store_->ResumeAsNew({}, first.job).status());
    const AttemptId second = LeaseOne();
    EXPECT_EQ(*store_->StartAttempt(second, By(here)), restarted) << here;
    EXPECT_EQ(CheckpointBytes(first.job), "weights") << "the old job keeps its own";
  }
}

TEST_F(RestartTest, AResumedJobsAttemptIsNotTheOneThatBeganAfresh) {
  ASSERT_OK(store_->StartAttempt(CreateAndLease("a"), By("AVX3")).status());
  ASSERT_OK(store_->AppendPoints({1, 1}, {Ramp("loss", 1, 5)}).status());
  ASSERT_OK(store_->Release({1, 1}, "worker died"));
  const AttemptId afresh = LeaseOne();
  ASSERT_TRUE(*store_->StartAttempt(afresh, By("AVX2")));
  ASSERT_OK(PutCheckpoint(afresh, 5, "weights"));
  ASSERT_OK(FinishAs(afresh, JobState::kFailed).status());
  ASSERT_OK(store_->ResumeAsNew({}, afresh.job).status());
  const AttemptId first = LeaseOne();
  EXPECT_FALSE(*store_->StartAttempt(first, By("AVX2")));
  ASSERT_OK(store_->Release(first, "worker died"));
  const AttemptId second = LeaseOne();
  ASSERT_EQ(second.number, afresh.number);
  EXPECT_FALSE(*store_->StartAttempt(second, By("AVX2")));
  EXPECT_EQ(CheckpointBytes(second.job), "weights");
}

}  // namespace
}  // namespace normlab::store
