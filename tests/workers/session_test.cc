#include "workers/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/memory_file.h"
#include "tests/reliability.h"
#include "tests/workers/fake_service.h"
#include "tests/workers/toy_experiment.h"
#include "workers/checkpoint.h"

namespace normlab::workers {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr std::uint64_t kEndless = std::uint64_t{1} << 40;
const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "connection refused");
const grpc::Status kStale(grpc::StatusCode::FAILED_PRECONDITION, "attempt 1 is not the job's current one");

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    options_.worker = "test:1";
    options_.on_stall = [] { FAIL() << "it does get on"; };
    options_.once = true;
    options_.spool_directory = testing::TempDir();
    options_.arithmetic = "AVX3/libm.1";
    options_.lease_wait = milliseconds(1);
    options_.facts = {{"threads", "1"}};
    options_.runner.checkpoint_interval = milliseconds(0);
    options_.outbox.linger = milliseconds(1);
    options_.outbox.backoff = options_.backoff = {.first = milliseconds(1), .longest = milliseconds(2)};
    options_.imported_data = [](const v1::JobSpec&, const std::vector<std::string>&) { return ""; };
    options_.make_experiment = [this](const v1::JobSpec&, const ExperimentContext& context) {
      (*context.facts)["data.mnist"] = "d1e2";
      ++made_;
      return std::make_unique<ToyExperiment>(toy_);
    };
  }

  absl::Status RunOne() {
    ServiceClient client(service_.Channel(), "Bearer secret");
    return RunSession(client, options_, stop_.get_token());
  }
  // Leases until nothing is left.
  absl::Status RunAll() {
    options_.once = false;
    service_.on_empty_lease = [this] { stop_.request_stop(); };
    return RunOne();
  }
  // What the toy gives when nothing goes wrong.
  void ExpectUndisturbedResult() {
    KeepingHost host;
    const RunResult expected = RunExperiment(PrepareToy(toy_), nullptr, host, {});
    ASSERT_THAT(service_.finished, SizeIs(1));
    const v1::FinishRequest& finish = service_.finished[0];
    EXPECT_EQ(finish.outcome(), v1::OUTCOME_SUCCEEDED) << finish.error();
    EXPECT_EQ(finish.fingerprint(), expected.fingerprint);
    EXPECT_EQ(service_.points, host.points);
    EXPECT_EQ(service_.different_points, 0);
    EXPECT_EQ(TensorBytes(service_.artifacts.at(kWeightsArtifact)), TensorBytes(host.artifacts.at(kWeightsArtifact)));
  }

  static std::string TensorBytes(const std::string& file) {
    std::string bytes;
    const auto read = ReadSafetensors(MemoryFile(file));
    for (const StoredTensor& tensor : read->tensors) {
      bytes += file.substr(tensor.begin, tensor.size);
    }
    return bytes;
  }

  ToyOptions toy_;
  int made_ = 0;
  std::stop_source stop_;
  SessionOptions options_;
  FakeService service_;
};

TEST_F(SessionTest, RunsAJobAndReportsIt) {
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
  const v1::FinishRequest& finish = service_.finished[0];
  EXPECT_EQ(finish.attempt().job_id(), "j1");
  EXPECT_EQ(finish.attempt().number(), 1);
  EXPECT_EQ(finish.steps_done(), 20);
  EXPECT_THAT(finish.facts(), UnorderedElementsAre(Pair("threads", "1"), Pair("data.mnist", "d1e2")));
  EXPECT_EQ(service_.authorization, "Bearer secret");
}

TEST_F(SessionTest, ACheckpointFollowsThePointsBeforeIt) {
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  EXPECT_THAT(service_.last_step_before_checkpoint, testing::Not(IsEmpty()));
  for (const auto& [checkpoint, last_step] : service_.last_step_before_checkpoint) {
    EXPECT_GE(last_step, checkpoint) << "points after the checkpoint's step are harmless, missing ones are not";
  }
}

TEST_F(SessionTest, AServerThatIsAwayIsAskedAgain) {
  service_.AddJob(1);
  for (const char* method : {"Lease", "Heartbeat", "AppendPoints", "PutCheckpoint", "PutArtifact", "Finish"}) {
    service_.Script(method, kAway, 3);
  }
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
}

TEST_F(SessionTest, LostAnswersChangeNothing) {
  service_.AddJob(1);
  for (const char* method : {"Lease", "Start", "AppendPoints", "PutCheckpoint", "PutArtifact"}) {
    service_.LoseAnswer(method);
  }
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
  EXPECT_GT(service_.repeated_points, 0);
  EXPECT_EQ(made_, 1) << "the repeated lease request got the same lease";
  EXPECT_EQ(service_.lease_request_ids.at(0), service_.lease_request_ids.at(1));
}

TEST_F(SessionTest, AStaleAttemptIsDroppedAndTheNextJobLeased) {
  service_.AddJob(1);
  service_.AddJob(2);
  service_.Script("AppendPoints", kStale);
  ASSERT_TRUE(RunAll().ok());
  EXPECT_EQ(made_, 2);
  ExpectUndisturbedResult();
  EXPECT_EQ(service_.finished[0].attempt().number(), 2);
}

TEST_F(SessionTest, AStaleHeartbeatStopsTraining) {
  toy_.steps = kEndless;
  service_.AddJob(1);
  service_.Script("Heartbeat", kStale);
  ASSERT_TRUE(RunOne().ok());
  EXPECT_THAT(service_.finished, IsEmpty());
}

TEST_F(SessionTest, ALeaseWithoutAnsweredHeartbeatEndsByItself) {
  toy_.steps = kEndless;
  service_.AddJob(1, milliseconds(40));
  service_.Script("Heartbeat", kAway, 10'000);
  ASSERT_TRUE(RunOne().ok());
  EXPECT_THAT(service_.finished, IsEmpty());
  RecordReliability(7, "cut off by answers that fail it stops itself");
}

TEST_F(SessionTest, AnsweredHeartbeatsKeepAShortLease) {
  toy_.steps = kEndless;
  service_.AddJob(1, milliseconds(200));
  std::atomic<int> now{0};  // ms
  options_.now = [&] { return Lease::Clock::time_point(milliseconds(now)); };
  int beats = 0;
  service_.on_heartbeat = [&](const v1::HeartbeatRequest& request) {
    EXPECT_EQ(request.attempt().number(), 1);
    now += 60;  // two pass within a lease
    v1::HeartbeatResponse response;
    response.set_stop(++beats == 12);  // 720 ms after the lease was given: it was renewed
    return response;
  };
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_CANCELLED);
}

// A heartbeat brings the order in the end, so that a worker that listens to nothing else ends too.
TEST_F(SessionTest, ACancelIsHeardBeforeAnyHeartbeatBringsIt) {
  toy_.steps = kEndless;
  service_.AddJob(1, milliseconds(2000));
  service_.Script("AwaitOrder", kAway, 2);
  int beats = 0;
  service_.on_heartbeat = [&](const v1::HeartbeatRequest&) {
    v1::HeartbeatResponse response;
    response.set_stop(++beats == 10);
    return response;
  };
  service_.on_order = [&] {
    v1::AwaitOrderResponse response;
    response.set_stop(true);
    return response;
  };
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_LT(beats, 10);
}

TEST_F(SessionTest, AnAttemptThatIsOverIsDroppedBeforeAnyHeartbeatSaysSo) {
  toy_.steps = kEndless;
  service_.AddJob(1);
  service_.Script("AwaitOrder", kStale);
  ASSERT_TRUE(RunOne().ok());
  EXPECT_THAT(service_.finished, IsEmpty());
}

TEST_F(SessionTest, CancelStopsCheckpointsAndReports) {
  toy_.steps = kEndless;
  service_.AddJob(1);
  service_.on_heartbeat = [&](const v1::HeartbeatRequest&) {
    v1::HeartbeatResponse response;
    response.set_stop(true);
    return response;
  };
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(service_.checkpoints.count(service_.finished[0].steps_done()), 1);
}

TEST_F(SessionTest, YieldCheckpointsAndLeavesWithoutAnOutcome) {
  toy_.steps = kEndless;
  options_.once = false;
  options_.leave_with_server = true;
  service_.AddJob(1);
  service_.on_heartbeat = [&](const v1::HeartbeatRequest&) {
    v1::HeartbeatResponse response;
    response.set_yield(true);
    return response;
  };
  ASSERT_TRUE(RunOne().ok());
  EXPECT_THAT(service_.finished, IsEmpty());
  EXPECT_THAT(service_.checkpoints, testing::Not(IsEmpty()));
}

TEST_F(SessionTest, AWorkerThatMayNotIdleDoesWhatThereIsAndLeaves) {
  options_.once = false;
  options_.idle = milliseconds(50);
  service_.AddJob(1);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(RunOne().ok());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(50));
  ExpectUndisturbedResult();
}

TEST_F(SessionTest, AWorkerThatMayNotIdleGivesUpAServerThatIsAway) {
  options_.once = false;
  options_.idle = milliseconds(20);
  service_.Script("Lease", kAway, 1'000'000);
  EXPECT_EQ(RunOne().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SessionTest, AStoppedProcessLeavesACheckpointThatTheNextAttemptContinues) {
  std::promise<void> stopped;
  toy_.before_step = [stop = stopped.get_future().share()](std::uint64_t step) {
    if (step == 10) {  // of 20: however late the first points come in, the run is not over
      stop.wait();
    }
  };
  service_.AddJob(1);
  service_.on_points = [this, &stopped] {
    if (stop_.request_stop()) {
      stopped.set_value();
    }
  };
  ASSERT_TRUE(RunOne().ok());
  EXPECT_THAT(service_.finished, IsEmpty());
  ASSERT_THAT(service_.checkpoints, testing::Not(IsEmpty()));

  stop_ = std::stop_source();
  service_.on_points = nullptr;
  service_.AddJob(2, std::chrono::seconds(60), service_.checkpoints.rbegin()->first);
  service_.Script("GetCheckpoint", kAway, 2);
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
  EXPECT_EQ(service_.repeated_points, 0) << "nothing after the checkpoint was recorded before it";
}

TEST_F(SessionTest, OnAnotherInstructionSetTheJobStartsAfresh) {
  service_.arithmetic = "AVX2/libm.1";
  service_.points[{"train/loss", 1}] = 0.5;  // what the other one measured
  service_.checkpoints[5] = "not to be asked for";
  service_.AddJob(2, std::chrono::seconds(60), 5);
  service_.Script("GetCheckpoint", {grpc::StatusCode::INTERNAL, "nobody should ask"}, 100);
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
}

TEST_F(SessionTest, WhatImportedDataHoldsIsToldAndHeldAgainstWhatIsRead) {
  options_.imported_data = [](const v1::JobSpec&, const std::vector<std::string>&) { return "d1e2"; };
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  EXPECT_EQ(service_.data_sha256, "d1e2");
  ExpectUndisturbedResult();
}

TEST_F(SessionTest, DataThatIsReplacedWhileTheJobStartsFailsIt) {
  options_.imported_data = [](const v1::JobSpec&, const std::vector<std::string>&) { return "of before"; };
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_FAILED);
  EXPECT_THAT(service_.finished[0].error(), HasSubstr("data set mnist was replaced while the job started"));
  EXPECT_THAT(service_.points, IsEmpty());
}

TEST_F(SessionTest, MissingImportedDataFailsTheJob) {
  options_.imported_data = [](const v1::JobSpec&, const std::vector<std::string>&) {
    return absl::NotFoundError("data set iam_ondb is not on this machine");
  };
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_FAILED);
  EXPECT_THAT(service_.finished[0].error(), HasSubstr("data set iam_ondb is not on this machine"));
  EXPECT_EQ(made_, 0);
}

TEST_F(SessionTest, WithoutAReadableCheckpointTheJobStartsAfresh) {
  service_.AddJob(1, std::chrono::seconds(60), 7);
  service_.Script("GetCheckpoint", {grpc::StatusCode::DATA_LOSS, "no checkpoint of j1 has its checksum"});
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
}

TEST_F(SessionTest, ARefusalFailsTheJobWithTheServersWords) {
  service_.AddJob(1);
  service_.Script("AppendPoints", {grpc::StatusCode::INVALID_ARGUMENT, "series name \"\" is empty"});
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_FAILED);
  EXPECT_THAT(service_.finished[0].error(), HasSubstr("series name \"\" is empty"));
}

TEST_F(SessionTest, ExceptionsAndDivergenceAreReported) {
  service_.AddJob(1);
  toy_.throws_at = 3;
  ASSERT_TRUE(RunOne().ok());
  service_.AddJob(2);
  toy_ = {.diverges_at = 4};
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(2));
  EXPECT_EQ(service_.finished[0].outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(service_.finished[0].error(), "linear2: shapes [3 x 4] and [5 x 6] do not fit");
  EXPECT_EQ(service_.finished[1].outcome(), v1::OUTCOME_DIVERGED);
  EXPECT_EQ(service_.finished[1].error(), "train/loss became nan at step 5");
  EXPECT_EQ(service_.finished[1].fingerprint(), "");
}

TEST_F(SessionTest, AnErrorOfAnyBytesReachesTheServer) {
  toy_.throws_at = 3;
  toy_.error = std::string(1999, 'e') + "\u00e9 caf\xe9\n";  // longer than is sent, with a character at the cut
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  ASSERT_THAT(service_.finished, SizeIs(1));
  EXPECT_EQ(service_.finished[0].error(), std::string(1999, 'e') + "...");
}

TEST_F(SessionTest, AStepThatNeverEndsIsNoticed) {
  std::promise<void> bitten;
  auto end = bitten.get_future();
  options_.stall = milliseconds(1);
  options_.on_stall = [&] { bitten.set_value(); };
  toy_.before_step = [&](std::uint64_t step) {
    if (step == 7) {
      end.wait();
    }
  };
  service_.AddJob(1);
  ASSERT_TRUE(RunOne().ok());
  ExpectUndisturbedResult();
}

// A server that is there and will not take what was measured, but says "later" for ever.
TEST_F(SessionTest, ACallThatIsGivenUpDropsTheAttemptForAnother) {
  options_.outbox.backoff.limit = milliseconds(0);
  service_.AddJob(1);
  service_.AddJob(2);
  service_.Script("AppendPoints", {grpc::StatusCode::RESOURCE_EXHAUSTED, "the disk is full"});
  ASSERT_TRUE(RunAll().ok());
  ExpectUndisturbedResult();
  EXPECT_EQ(service_.finished[0].attempt().number(), 2);
}

TEST_F(SessionTest, AWrongTokenEndsTheSession) {
  service_.Script("Lease", {grpc::StatusCode::UNAUTHENTICATED, "wrong token"});
  EXPECT_EQ(RunOne().code(), absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace normlab::workers
