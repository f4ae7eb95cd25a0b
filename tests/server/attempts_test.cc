#include "server/schedule/attempts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <utility>

#include "base/crc32c.h"
#include "base/failpoint.h"
#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using std::chrono::seconds;

class AttemptsTest : public testing::Test {
 protected:
  AttemptsTest()
      : store_(*store::Store::Open(folder_.path())), attempts_(std::make_unique<Attempts>(*store_, Options())) {}

  AttemptsOptions Options() {
    return {.lease = seconds(60), .stall = seconds(300), .max_deaths = 3, .now = [this] {
              return std::chrono::steady_clock::time_point(seconds(now_));
            }};
  }
  store::JobId Submit() {
    store::NewJob job;
    job.spec = "spec";
    job.experiment = "mnist_mlp";
    job.identity = "identity";
    job.rerun = true;
    return store_->CreateJobs({}, {job})->at(0).job.id;
  }
  store::AttemptId Lease(const store::Worker& worker = {"there:1"}) {
    const auto lease = attempts_->Lease({}, worker, std::chrono::milliseconds(0), [] { return false; });
    EXPECT_TRUE(lease.ok() && lease->has_value());
    return {.job = (*lease)->job.id, .number = (*lease)->job.attempt};
  }
  // As a worker that a launcher started.
  store::AttemptId LeaseAs(const std::string& id) {
    attempts_->WorkerStarted(id);
    return Lease({.name = "here:4711", .id = id});
  }
  void Checkpoint(store::AttemptId attempt, std::uint64_t step) {
    auto file = store_->NewCheckpointFile(attempt, step);
    ASSERT_TRUE(file.ok() && (*file)->Append("weights").ok());
    ASSERT_TRUE(
        store_->PutCheckpoint(attempt, {.step = step, .size = 7, .crc32c = Crc32c("weights")}, *std::move(file)).ok());
    attempts_->Moved(attempt);
  }
  // The server is started again.
  void Restart() {
    attempts_.reset();
    store_.reset();
    store_ = *store::Store::Open(folder_.path());
    attempts_ = std::make_unique<Attempts>(*store_, Options());
    ASSERT_TRUE(attempts_->Recover().ok());
  }
  // `seconds` pass, in which the worker says every 50 s that it has done so many steps.
  void Beats(store::AttemptId attempt, int seconds, std::uint64_t steps_done) {
    for (int passed = 0; passed < seconds; passed += 50) {
      now_ += 50;
      attempts_->Beat(attempt, steps_done);
      attempts_->Sweep();
    }
  }
  store::JobState State(store::JobId job) { return store_->GetJob(job)->state; }

  ScratchFolder folder_;
  std::atomic<int> now_{1000};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Attempts> attempts_;
};

TEST_F(AttemptsTest, ALeaseEndsAfterItsTimeAndNotBefore) {
  const store::JobId job = Submit();
  Lease();
  now_ += 59;
  attempts_->Sweep();
  EXPECT_EQ(State(job), store::JobState::kRunning);
  now_ += 1;
  attempts_->Sweep();
  EXPECT_EQ(State(job), store::JobState::kQueued);
  RecordReliability(22, "leases count a steady clock");
}

TEST_F(AttemptsTest, ABeatStartsTheLeaseAnew) {
  const store::JobId job = Submit();
  const store::AttemptId attempt = Lease();
  now_ += 59;
  attempts_->Beat(attempt, 0);
  now_ += 59;
  attempts_->Sweep();
  EXPECT_EQ(State(job), store::JobState::kRunning);
}

TEST_F(AttemptsTest, ABeatOfAnOldAttemptDoesNot) {
  const store::JobId job = Submit();
  const store::AttemptId old = Lease();
  now_ += 60;
  attempts_->Sweep();
  Lease();
  now_ += 59;
  attempts_->Beat(old, 0);
  now_ += 1;
  attempts_->Sweep();
  EXPECT_EQ(State(job), store::JobState::kQueued);
}

// The store had leased it and its answer was lost on the way to whoever asked.
TEST_F(AttemptsTest, WhatNobodyHoldsGoesBackToTheQueue) {
  const store::JobId held = Submit();
  const store::AttemptId attempt = Lease();
  const store::JobId unheld = Submit();
  ASSERT_TRUE(store_->LeaseNext({}, {"there:2"})->has_value());
  attempts_->Sweep();
  EXPECT_EQ(State(unheld), store::JobState::kRunning) << "a lease may be on its way";
  Beats(attempt, 50, 1);
  EXPECT_EQ(State(unheld), store::JobState::kRunning);
  Beats(attempt, 50, 2);
  EXPECT_EQ(State(unheld), store::JobState::kQueued);
  EXPECT_FALSE(store_->ListAttempts(unheld)->front().died) << "the job is not to blame";
  Beats(attempt, 200, 3);
  EXPECT_EQ(State(held), store::JobState::kRunning);
}

// Between the store's answer to one worker and what is noted of it, the job was given back and leased to another.
TEST_F(AttemptsTest, ALeaseThatComesLateDisplacesNoLaterOne) {
  static std::function<void()> meanwhile;  // once
  Submit();
  meanwhile = [this] {
    EXPECT_TRUE(store_->Release({.job = 1, .number = 1}, "its worker is gone").ok());
    EXPECT_EQ(Lease({"there:2"}).number, 2);
  };
  failpoint_hook = [](Failpoint point) {
    if (point == Failpoint::kLeaseStored && meanwhile != nullptr) {
      std::exchange(meanwhile, nullptr)();
    }
  };
  EXPECT_EQ(Lease({"there:1"}).number, 1);
  failpoint_hook = nullptr;
  const auto workers = attempts_->Workers();
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].worker.name, "there:2");
  EXPECT_EQ(workers[0].attempt->number, 2);
}

TEST_F(AttemptsTest, DeathsWithoutProgressFailTheJobWithTheLastReason) {
  const store::JobId job = Submit();
  for (int death = 1; death <= 3; ++death) {
    EXPECT_EQ(State(job), store::JobState::kQueued);
    const store::AttemptId attempt = LeaseAs("w1");
    ASSERT_TRUE(store_->ReportProgress(attempt, {.steps_done = 5, .steps_total = 10}).ok());
    attempts_->WorkerGone("w1", "killed by signal 9 (Killed)", true);
  }
  EXPECT_EQ(State(job), store::JobState::kFailed);
  EXPECT_EQ(store_->GetJob(job)->error,
            "3 attempts in a row ended without a new checkpoint; the last: killed by signal 9 (Killed)");
  EXPECT_EQ(store_->GetJob(job)->steps_done, 5u);
}

TEST_F(AttemptsTest, ACheckpointForgivesEarlierDeaths) {
  const store::JobId job = Submit();
  for (std::uint64_t death = 1; death <= 6; ++death) {
    const store::AttemptId attempt = LeaseAs("w1");
    if (death % 2 == 0) {
      Checkpoint(attempt, death);
    }
    attempts_->WorkerGone("w1", "killed", true);
  }
  EXPECT_EQ(State(job), store::JobState::kQueued);
}

TEST_F(AttemptsTest, ACheckpointNoFurtherThanTheLastForgivesNothing) {
  const store::JobId job = Submit();
  for (int death = 1; death <= 4; ++death) {
    EXPECT_EQ(State(job), store::JobState::kQueued);
    const store::AttemptId attempt = LeaseAs("w1");
    Checkpoint(attempt, 40);
    attempts_->WorkerGone("w1", "killed", true);
  }
  EXPECT_EQ(State(job), store::JobState::kFailed) << "the first of four did get further";
}

TEST_F(AttemptsTest, DeathsAreCountedAcrossRestarts) {
  const store::JobId job = Submit();
  LeaseAs("w1");
  attempts_->WorkerGone("w1", "killed", true);
  Restart();
  LeaseAs("w1");
  attempts_->WorkerGone("w1", "asked to stop", false);
  EXPECT_EQ(State(job), store::JobState::kQueued);
  LeaseAs("w1");  // goes down with the server
  Restart();
  EXPECT_EQ(State(job), store::JobState::kQueued);
  LeaseAs("w1");
  Restart();
  EXPECT_EQ(State(job), store::JobState::kFailed);
  EXPECT_EQ(store_->GetJob(job)->error,
            "3 attempts in a row ended without a new checkpoint; the last: the server was down and its worker with it");
}

TEST_F(AttemptsTest, AnAttemptThatLivesAndGetsNowhereEnds) {
  const store::JobId job = Submit();
  for (int death = 1; death <= 3; ++death) {
    const store::AttemptId attempt = Lease();
    Beats(attempt, 250, 0);
    EXPECT_EQ(State(job), store::JobState::kRunning);
    Beats(attempt, 300, 7);  // one step was done, and then none
    EXPECT_EQ(State(job), store::JobState::kRunning);
    Beats(attempt, 50, 7);
    EXPECT_NE(State(job), store::JobState::kRunning);
  }
  EXPECT_EQ(
      store_->GetJob(job)->error,
      "3 attempts in a row ended without a new checkpoint; the last: worker there:1 got nowhere for 300 s after 7 "
      "steps; normlabd --stall-seconds gives slow steps longer");
}

TEST_F(AttemptsTest, PointsAndPiecesOfFilesAreProgressToo) {
  const store::JobId job = Submit();
  const store::AttemptId attempt = Lease();
  for (int i = 0; i < 10; ++i) {
    Beats(attempt, 250, 0);
    attempts_->Moved(attempt);
  }
  EXPECT_EQ(State(job), store::JobState::kRunning);
}

TEST_F(AttemptsTest, CancelOfAStepThatHangsCompletes) {
  const store::JobId job = Submit();
  const store::AttemptId attempt = Lease();
  ASSERT_TRUE(store_->Cancel({}, job).ok());
  Beats(attempt, 300, 0);
  EXPECT_EQ(State(job), store::JobState::kCancelled);
}

TEST_F(AttemptsTest, AWorkerThatWasToldToGoDoesNotCount) {
  const store::JobId job = Submit();
  for (int i = 0; i < 5; ++i) {
    LeaseAs("w1");
    attempts_->WorkerGone("w1", "asked to stop", false);
  }
  EXPECT_EQ(State(job), store::JobState::kQueued);
}

TEST_F(AttemptsTest, OnlyTheDeadWorkersJobsAreGivenBack) {
  const store::JobId first = Submit();
  const store::JobId second = Submit();
  const store::JobId third = Submit();
  LeaseAs("w1");
  LeaseAs("w2");
  Lease({"here:4711"});
  attempts_->WorkerGone("w1", "killed", true);
  EXPECT_EQ(State(first), store::JobState::kQueued);
  EXPECT_EQ(State(second), store::JobState::kRunning);
  EXPECT_EQ(State(third), store::JobState::kRunning);
}

TEST_F(AttemptsTest, ADyingWorkerOfACancelledJobCancelsIt) {
  const store::JobId job = Submit();
  LeaseAs("w1");
  ASSERT_TRUE(store_->Cancel({}, job).ok());
  attempts_->WorkerGone("w1", "killed", true);
  EXPECT_EQ(State(job), store::JobState::kCancelled);
}

TEST_F(AttemptsTest, RecoveryLeavesWhatWorkersHoldThatALauncherStillKeeps) {
  const store::JobId kept = Submit();
  const store::JobId lost = Submit();
  LeaseAs("w1");
  LeaseAs("w2");
  attempts_.reset();
  store_.reset();
  store_ = *store::Store::Open(folder_.path());
  attempts_ = std::make_unique<Attempts>(*store_, Options());
  attempts_->WorkerStarted("w1");
  ASSERT_TRUE(attempts_->Recover().ok());
  EXPECT_EQ(State(kept), store::JobState::kRunning);
  EXPECT_EQ(State(lost), store::JobState::kQueued);
  attempts_->WorkerGone("w1", "Slurm does not know it", false);
  EXPECT_EQ(State(kept), store::JobState::kQueued);
}

TEST_F(AttemptsTest, RecoveryEndsWhatLaunchedWorkersHeldAndGivesOthersALease) {
  const store::JobId by_hand = Submit();
  const store::JobId launched = Submit();
  Lease({"here:1"});
  LeaseAs("w1");
  Restart();
  EXPECT_EQ(State(by_hand), store::JobState::kRunning);
  EXPECT_EQ(State(launched), store::JobState::kQueued);
  now_ += 60;
  attempts_->Sweep();
  EXPECT_EQ(State(by_hand), store::JobState::kQueued);
}

// It may run in a container, with process numbers of its own and the same host name.
TEST_F(AttemptsTest, WhatAWorkerCallsItselfSaysNothingOfItsLife) {
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  const store::JobId job = Submit();
  Lease({fmt::format("{}:2147483646", host)});  // beyond the largest process number
  attempts_->Sweep();
  EXPECT_EQ(State(job), store::JobState::kRunning);
  attempts_->WorkerGone(fmt::format("{}:2147483646", host), "its name is no id", true);
  EXPECT_EQ(State(job), store::JobState::kRunning);
  Restart();
  attempts_->Sweep();
  EXPECT_EQ(State(job), store::JobState::kRunning);
}

TEST_F(AttemptsTest, AWorkerThatNoLauncherKeepsGetsNothing) {
  const store::JobId job = Submit();
  const auto lease = [&] {
    return attempts_->Lease({}, {.name = "here:4711", .id = "w1"}, std::chrono::milliseconds(0), [] { return false; });
  };
  EXPECT_EQ(lease().status().code(), absl::StatusCode::kPermissionDenied);
  attempts_->WorkerStarted("w1");
  attempts_->WorkerGone("w1", "killed", true);
  EXPECT_EQ(lease().status().code(), absl::StatusCode::kPermissionDenied) << "it has ended";
  EXPECT_EQ(State(job), store::JobState::kQueued);
  EXPECT_EQ(store_->GetJob(job)->attempt, 0);
}

// Its call may still wait at the server when its process has ended.
TEST_F(AttemptsTest, AWorkerThatEndsWhileItWaitsTakesNoJobWithIt) {
  attempts_->WorkerStarted("w1");
  auto waiting = std::async(std::launch::async, [&] {
    return attempts_->Lease({}, {.name = "here:4711", .id = "w1"}, std::chrono::hours(1), [] { return false; });
  });
  attempts_->WorkerGone("w1", "killed", true);
  const store::JobId job = Submit();
  attempts_->QueueChanged();
  const auto lease = waiting.get();
  EXPECT_FALSE(lease.ok() && lease->has_value());
  EXPECT_EQ(State(job), store::JobState::kQueued);
}

TEST_F(AttemptsTest, AWorkerThatWaitsWhileNoJobMayBeginGetsOneAfterwards) {
  Submit();
  attempts_->HoldBack(true);
  std::promise<void> waits;
  std::once_flag once;
  auto waiting = std::async(std::launch::async, [&] {
    return attempts_->Lease({}, {"there:1"}, std::chrono::hours(1), [&] {
      std::call_once(once, [&] { waits.set_value(); });
      return false;
    });
  });
  waits.get_future().wait();
  attempts_->HoldBack(false);
  EXPECT_TRUE(waiting.get()->has_value());
}

TEST_F(AttemptsTest, ACallerThatGaveUpLeavesTheJobInTheQueue) {
  const store::JobId job = Submit();
  const auto lease = attempts_->Lease({}, {"there:1"}, std::chrono::milliseconds(0), [] { return true; });
  ASSERT_TRUE(lease.ok());
  EXPECT_FALSE(lease->has_value());
  EXPECT_EQ(State(job), store::JobState::kQueued);
}

TEST_F(AttemptsTest, WhoeverWaitsForAnOrderIsToldToYieldOnceClosed) {
  Submit();
  const store::AttemptId attempt = Lease();
  const auto order = [&](std::chrono::milliseconds wait) {
    return *attempts_->AwaitOrder(attempt, wait, [] { return false; });
  };
  EXPECT_EQ(order(std::chrono::milliseconds(0)), Attempts::Order::kGoOn);
  auto waiting = std::async(std::launch::async, [&] { return order(std::chrono::hours(1)); });
  attempts_->Close();
  EXPECT_EQ(waiting.get(), Attempts::Order::kYield);
  ASSERT_TRUE(store_->Cancel({}, attempt.job).ok());
  EXPECT_EQ(order(std::chrono::hours(1)), Attempts::Order::kStop) << "the stronger order";
}

TEST_F(AttemptsTest, NothingIsLeasedOnceClosed) {
  Submit();
  attempts_->Close();
  const auto lease = attempts_->Lease({}, {"there:1"}, seconds(30), [] { return false; });
  ASSERT_TRUE(lease.ok());
  EXPECT_FALSE(lease->has_value());
}

}  // namespace
}  // namespace normlab::server
