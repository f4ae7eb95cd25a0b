// The state machine: leases, fencing, progress, cancelling, finishing, and everything that is not allowed.
#include <limits>
#include <thread>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;
using TransitionsTest = StoreTest;

constexpr auto kStale = absl::StatusCode::kFailedPrecondition;

FinishInfo Outcome(JobState state) {
  FinishInfo info;
  info.state = state;
  return info;
}

TEST_F(TransitionsTest, LeasesByPriorityThenAge) {
  Create("old");
  Create("urgent", 5);
  Create("young");
  EXPECT_EQ(LeaseOne().job, 2);
  EXPECT_EQ(LeaseOne().job, 1);
  EXPECT_EQ(LeaseOne().job, 3);
  EXPECT_FALSE(store_->LeaseNext({}, {"w"})->has_value());
}

TEST_F(TransitionsTest, ALeaseTellsWhatAWorkerNeeds) {
  Create("a");
  now_ms_ = 2'000;
  const auto lease = store_->LeaseNext({}, {.name = "host:42", .id = "local-1"});
  ASSERT_TRUE(lease.ok() && lease->has_value());
  EXPECT_EQ((*lease)->job.state, JobState::kRunning);
  EXPECT_EQ((*lease)->job.attempt, 1);
  EXPECT_EQ((*lease)->job.worker, "host:42");
  EXPECT_EQ((*lease)->job.worker_id, "local-1");
  EXPECT_EQ(store_->ActiveJobs()->at(0).worker_id, "local-1");
  EXPECT_EQ((*lease)->job.started_ms, 2'000);
  EXPECT_EQ((*lease)->job.spec, "spec of a");
  EXPECT_FALSE((*lease)->checkpoint_step.has_value());
}

TEST_F(TransitionsTest, AReleasedJobIsQueuedAgainAndOldAttemptsAreRefused) {
  const AttemptId first = CreateAndLease("a");
  ASSERT_OK(PutCheckpoint(first, 30, "weights"));
  now_ms_ = 5'000;
  ASSERT_OK(store_->Release(first, "worker died"));
  EXPECT_EQ(StateOf(first.job), JobState::kQueued);
  EXPECT_THAT(store_->AppendPoints(first, {Ramp("loss", 1, 1)}).status(), HasCode(kStale));
  const auto lease = store_->LeaseNext({}, {"host:2"});
  ASSERT_TRUE(lease.ok() && lease->has_value());
  EXPECT_EQ((*lease)->job.attempt, 2);
  EXPECT_EQ((*lease)->job.worker_id, "") << "of this attempt; this worker was started by hand";
  EXPECT_EQ((*lease)->job.started_ms, 1'000) << "the first lease";
  EXPECT_EQ((*lease)->checkpoint_step, 30u);

  EXPECT_OK(store_->Release(first, "again"));
  EXPECT_EQ(StateOf(first.job), JobState::kRunning) << "a stale release changes nothing";
  EXPECT_THAT(store_->AppendPoints(first, {Ramp("loss", 1, 1)}).status(), HasCode(kStale));
  EXPECT_THAT(store_->ReportProgress(first, {}).status(), HasCode(kStale));
  EXPECT_THAT(store_->NewCheckpointFile(first, 40).status(), HasCode(kStale));
  EXPECT_THAT(PutArtifact(first, {"a", "text/plain", 1}, "x"), HasCode(kStale));
  const absl::Status finish = store_->Finish(first, Outcome(JobState::kSucceeded)).status();
  EXPECT_THAT(finish, HasCode(kStale));
  EXPECT_THAT(Message(finish), HasSubstr("attempt 1 of job j1"));
  EXPECT_THAT(Message(finish), HasSubstr("last attempt is 2"));
  EXPECT_TRUE(store_->ListSeries(first.job)->empty());
  EXPECT_TRUE(store_->ListArtifacts(first.job)->empty());
}

TEST_F(TransitionsTest, ACheckpointOfAnAttemptThatEndedMeanwhileLeavesNothing) {
  const AttemptId first = CreateAndLease("a");
  auto file = store_->NewCheckpointFile(first, 5);
  ASSERT_OK((*file)->Append("bytes"));
  ASSERT_OK(store_->Release(first, "lease expired"));
  EXPECT_THAT(store_->PutCheckpoint(first, {5, 5, Crc32c("bytes")}, *std::move(file)), HasCode(kStale));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/checkpoints"));
  EXPECT_THAT(store_->OpenCheckpoint(first.job).status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(TransitionsTest, CancelStopsAQueuedJobAtOnceAndARunningOneThroughItsWorker) {
  const JobId queued = Create("a");
  EXPECT_EQ(store_->Cancel({}, queued)->state, JobState::kCancelled);
  EXPECT_EQ(store_->GetJob(queued)->finished_ms, 1'000);
  const AttemptId attempt = CreateAndLease("b");
  EXPECT_EQ(store_->Cancel({}, attempt.job)->state, JobState::kCancelling);
  EXPECT_EQ(store_->Cancel({}, attempt.job)->state, JobState::kCancelling);
  EXPECT_EQ(store_->ReportProgress(attempt, {})->state, JobState::kCancelling);
  EXPECT_OK(store_->AppendPoints(attempt, {Ramp("loss", 1, 3)}).status());
  EXPECT_OK(PutCheckpoint(attempt, 3, "weights"));
  EXPECT_EQ(FinishAs(attempt, JobState::kCancelled)->state, JobState::kCancelled);
  EXPECT_EQ(store_->Cancel({}, attempt.job)->state, JobState::kCancelled);
}

TEST_F(TransitionsTest, ACancellingJobWhoseWorkerDiesIsCancelled) {
  const AttemptId attempt = CreateAndLease("a");
  ASSERT_OK(store_->Cancel({}, attempt.job).status());
  now_ms_ = 9'000;
  ASSERT_OK(store_->Release(attempt, "worker died"));
  EXPECT_EQ(StateOf(attempt.job), JobState::kCancelled);
  EXPECT_EQ(store_->GetJob(attempt.job)->finished_ms, 9'000);
}

TEST_F(TransitionsTest, ACancellingJobMayStillFinishOtherwise) {
  for (const JobState state : {JobState::kSucceeded, JobState::kFailed, JobState::kDiverged}) {
    const AttemptId attempt = CreateAndLease(fmt::format("a{}", static_cast<int>(state)));
    ASSERT_OK(store_->Cancel({}, attempt.job).status());
    EXPECT_EQ(FinishAs(attempt, state)->state, state);
  }
}

TEST_F(TransitionsTest, AWorkerCannotCancel) {
  const AttemptId attempt = CreateAndLease("a");
  const absl::Status status = FinishAs(attempt, JobState::kCancelled).status();
  EXPECT_THAT(status, HasCode(kStale));
  EXPECT_THAT(Message(status), HasSubstr("nobody asked to cancel"));
  EXPECT_EQ(StateOf(attempt.job), JobState::kRunning);
}

TEST_F(TransitionsTest, FinishKeepsWhatTheWorkerSays) {
  const AttemptId attempt = CreateAndLease("a");
  now_ms_ = 7'000;
  FinishInfo info;
  info.state = JobState::kSucceeded;
  info.fingerprint = "f00d";
  info.steps_done = 1000;
  info.cpu_seconds = 12.5;
  info.facts = {{"isa", "AVX2"}, {"threads", "2"}};
  const auto job = store_->Finish(attempt, info);
  ASSERT_OK(job.status());
  EXPECT_EQ(job->state, JobState::kSucceeded);
  EXPECT_EQ(job->fingerprint, "f00d");
  EXPECT_EQ(job->steps_done, 1000u);
  EXPECT_EQ(job->cpu_seconds, 12.5);
  EXPECT_EQ(job->facts, info.facts);
  EXPECT_EQ(job->finished_ms, 7'000);

  now_ms_ = 8'000;
  EXPECT_EQ(store_->Finish(attempt, info)->finished_ms, 7'000) << "a repeated Finish is answered, and changes nothing";
  info.fingerprint = "beef";
  EXPECT_THAT(store_->Finish(attempt, info).status(), HasCode(kStale));
}

TEST_F(TransitionsTest, ATerminalStateNeverChanges) {
  for (const JobState state : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled, JobState::kDiverged}) {
    SCOPED_TRACE(static_cast<int>(state));
    const AttemptId attempt = CreateAndLease(fmt::format("a{}", static_cast<int>(state)));
    if (state == JobState::kCancelled) {
      ASSERT_OK(store_->Cancel({}, attempt.job).status());
    }
    ASSERT_OK(FinishAs(attempt, state).status());
    for (const JobState other : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled, JobState::kDiverged}) {
      if (other != state) {
        EXPECT_THAT(FinishAs(attempt, other).status(), HasCode(kStale));
      }
    }
    EXPECT_THAT(store_->AppendPoints(attempt, {Ramp("loss", 1, 1)}).status(), HasCode(kStale));
    EXPECT_THAT(store_->ReportProgress(attempt, {}).status(), HasCode(kStale));
    EXPECT_THAT(PutCheckpoint(attempt, 1, "w"), HasCode(kStale));
    EXPECT_THAT(PutArtifact(attempt, {"a", "t", 1}, "x"), HasCode(kStale));
    EXPECT_OK(store_->Release(attempt, "late"));
    EXPECT_OK(store_->Cancel({}, attempt.job).status());
    EXPECT_EQ(StateOf(attempt.job), state);
    EXPECT_FALSE(store_->LeaseNext({}, {"w"})->has_value());
  }
}

TEST_F(TransitionsTest, AQueuedJobHasNoCurrentAttempt) {
  const JobId job = Create("a");
  for (const int number : {0, 1, -1}) {
    EXPECT_THAT(FinishAs({job, number}, JobState::kSucceeded).status(), HasCode(kStale));
    EXPECT_THAT(store_->AppendPoints({job, number}, {Ramp("loss", 1, 1)}).status(), HasCode(kStale));
    EXPECT_THAT(store_->ReportProgress({job, number}, {}).status(), HasCode(kStale));
  }
  EXPECT_EQ(StateOf(job), JobState::kQueued);
}

TEST_F(TransitionsTest, FinishNeedsATerminalState) {
  const AttemptId attempt = CreateAndLease("a");
  for (const int state : {0, 1, 2, 3, 8}) {
    EXPECT_THAT(FinishAs(attempt, static_cast<JobState>(state)).status(), HasCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(StateOf(attempt.job), JobState::kRunning);
}

TEST_F(TransitionsTest, CpuSecondsAddUpOverAttemptsAndNeverGoBack) {
  const AttemptId first = CreateAndLease("a");
  ASSERT_OK(store_->ReportProgress(first, {10, 100, 2.0, 4.0}).status());
  ASSERT_OK(store_->ReportProgress(first, {20, 100, 2.0, 3.0}).status());
  ASSERT_OK(store_->Release(first, "died"));
  EXPECT_EQ(store_->GetJob(first.job)->steps_per_second, 0.0);
  const AttemptId second = LeaseOne();
  EXPECT_EQ(store_->ReportProgress(second, {20, 100, 2.0, 1.5})->cpu_seconds, 5.5);
  FinishInfo info;
  info.state = JobState::kSucceeded;
  info.cpu_seconds = 6.0;
  EXPECT_EQ(store_->Finish(second, info)->cpu_seconds, 10.0);
}

TEST_F(TransitionsTest, ARateThatIsNotANumberIsStoredAsZero) {
  const AttemptId attempt = CreateAndLease("a");
  const auto job = store_->ReportProgress(
      attempt, {1, 2, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()});
  ASSERT_OK(job.status());
  EXPECT_EQ(job->steps_per_second, 0.0);
  EXPECT_EQ(job->cpu_seconds, 0.0);
}

TEST_F(TransitionsTest, ARepeatedLeaseRequestGetsTheSameLeaseWhileItLives) {
  Create("a");
  Create("b");
  const Request request{"lease-1", "w"};
  const auto first = store_->LeaseNext(request, {"w"});
  const auto second = store_->LeaseNext(request, {"w"});
  EXPECT_EQ((*second)->job.id, (*first)->job.id);
  EXPECT_EQ((*second)->job.attempt, (*first)->job.attempt);
  EXPECT_EQ(store_->ActiveJobs()->size(), 1u);
  ASSERT_OK(FinishAs({1, 1}, JobState::kSucceeded).status());
  const auto third = store_->LeaseNext(request, {"w"});
  EXPECT_EQ((*third)->job.id, 2) << "that lease is over: a new one";
  EXPECT_EQ((*store_->LeaseNext(request, {"w"}))->job.id, 2);
  EXPECT_THAT(store_->LeaseNext({"lease-1", "other"}, {"w"}).status(), HasCode(absl::StatusCode::kAlreadyExists));
}

// However long others keep the readers, a worker gets its job, and its sign of life counts.
TEST_F(TransitionsTest, AWorkersCallsWaitForNoRead) {
  NewJob job = MakeJob("a");
  for (int i = 0; i < 5'000; ++i) {
    job.labels.emplace(fmt::format("label{}", i), "x");
  }
  const JobId id = store_->CreateJobs({}, {job})->front().job.id;
  options_.readers = 1;
  options_.read_deadline = std::chrono::milliseconds(0);
  Reopen();
  ASSERT_THAT(store_->GetJob(id).status(), HasCode(absl::StatusCode::kDeadlineExceeded)) << "no read gets through";
  const auto lease = store_->LeaseNext({}, {"host:1"});
  ASSERT_OK(lease.status());
  ASSERT_TRUE(lease->has_value());
  EXPECT_THAT((*lease)->job.labels, testing::SizeIs(5'000));
  const auto told = store_->ReportProgress({id, 1}, {.steps_done = 5, .steps_total = 10});
  ASSERT_OK(told.status());
  EXPECT_EQ(told->state, JobState::kRunning);
  EXPECT_EQ(told->steps_done, 5u);
}

TEST_F(TransitionsTest, NorDoItsFiles) {
  const AttemptId attempt = CreateAndLease("a");
  options_.readers = 0;
  options_.read_deadline = std::chrono::milliseconds(0);
  Reopen();
  ASSERT_THAT(store_->GetJob(attempt.job).status(), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(PutCheckpoint(attempt, 5, "weights"));
  EXPECT_OK(PutArtifact(attempt, {"a.png", "image/png", 5}, "png"));
}

TEST_F(TransitionsTest, AnEmptyQueueIsNotRememberedAsAnswer) {
  const Request request{"lease-1", "w"};
  EXPECT_FALSE(store_->LeaseNext(request, {"w"})->has_value());
  Create("a");
  EXPECT_TRUE(store_->LeaseNext(request, {"w"})->has_value());
}

TEST_F(TransitionsTest, ActiveJobsAreThoseWithAWorker) {
  Create("queued");
  const AttemptId running = LeaseOne();
  const AttemptId cancelling = CreateAndLease("b");
  ASSERT_OK(store_->Cancel({}, cancelling.job).status());
  ASSERT_OK(FinishAs(CreateAndLease("c"), JobState::kSucceeded).status());
  Create("d");
  Reopen();
  const auto active = store_->ActiveJobs();
  ASSERT_EQ(active->size(), 2u);
  EXPECT_EQ((*active)[0].id, running.job);
  EXPECT_EQ((*active)[1].id, cancelling.job);
  EXPECT_OK(store_->AppendPoints(running, {Ramp("loss", 1, 2)}).status()) << "an attempt outlives the server";
}

TEST_F(TransitionsTest, WaitForCommitReturnsOnNewsAndOnTimeout) {
  const std::uint64_t before = store_->WaitForCommit(0, 0);
  EXPECT_EQ(store_->WaitForCommit(before, 1), before);
  std::thread other([&] { Create("a"); });
  std::uint64_t now = before;
  while (now == before) {
    now = store_->WaitForCommit(before, 10'000);
  }
  EXPECT_GT(now, before);
  other.join();
}

}  // namespace
}  // namespace normlab::store
