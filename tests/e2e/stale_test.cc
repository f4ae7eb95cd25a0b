// Two attempts at one job: a worker that was stopped for longer than its lease comes back and is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "proto/transport/token.h"
#include "server/edge/secrets.h"
#include "tests/e2e/result.h"
#include "tests/reliability.h"

namespace normlab::e2e {
namespace {

using testing::HasSubstr;

// What the server answers when attempt `number` of `job` writes a point, a checkpoint and an outcome.
std::vector<grpc::StatusCode> WriteAs(Deployment& deployment, const std::string& job, int number) {
  const server::WorkerSecrets secrets(*ReadToken(deployment.home() + "/run/attempts.key"));
  const v1::Attempt attempt = secrets.Name({.job = std::stoll(job.substr(1)), .number = number});
  std::vector<grpc::StatusCode> answers;
  {
    grpc::ClientContext context;
    v1::AppendPointsRequest request;
    *request.mutable_attempt() = attempt;
    auto& column = *request.add_columns();
    column.set_series("train/batch_nll");
    column.add_steps(1'000'000);
    column.add_values(0.5);
    column.add_wall_ms(1);
    v1::AppendPointsResponse response;
    answers.push_back(deployment.worker_service().AppendPoints(&context, request, &response).error_code());
  }
  {
    grpc::ClientContext context;
    v1::PutCheckpointResponse response;
    const auto writer = deployment.worker_service().PutCheckpoint(&context, &response);
    v1::PutCheckpointRequest request;
    *request.mutable_header()->mutable_attempt() = attempt;
    request.mutable_header()->set_step(1'000'000);
    writer->Write(request);
    writer->WritesDone();
    answers.push_back(writer->Finish().error_code());
  }
  {
    grpc::ClientContext context;
    v1::FinishRequest request;
    *request.mutable_attempt() = attempt;
    request.set_outcome(v1::OUTCOME_FAILED);
    request.set_error("stale");
    v1::FinishResponse response;
    answers.push_back(deployment.worker_service().Finish(&context, request, &response).error_code());
  }
  return answers;
}

TEST(StaleAttemptTest, AStoppedWorkerComesBackTooLate) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  Deployment deployment({"--no-workers", "--lease-seconds", "1"});
  const pid_t first = deployment.StartWorker({"--threads", "1"});
  const std::string id = deployment.Submit(EndlessSpec());
  deployment.WaitForPoints(id);
  ASSERT_EQ(::kill(first, SIGSTOP), 0);
  const Curve before = deployment.ReadCurve(id);
  const pid_t second = deployment.StartWorker({"--threads", "1", "--once"});
  const v1::Job running = deployment.WaitUntilRunning(id, 1);
  EXPECT_EQ(Deployment::WorkerPid(running), second);
  EXPECT_THAT(WriteAs(deployment, id, 1), testing::Each(grpc::StatusCode::FAILED_PRECONDITION));

  // The first worker gives the job up, and works on: at the undisturbed run.
  ASSERT_EQ(::kill(first, SIGCONT), 0);
  const v1::Job job = ExpectSameBeginning(deployment, id, before.size(), EndlessSpec(), before);
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_EQ(deployment.WaitForExit(second), 0);
  EXPECT_THAT(deployment.Log(first), HasSubstr("attempt_lost job=" + id + " attempt=1"));
  EXPECT_THAT(WriteAs(deployment, id, 2), testing::Each(grpc::StatusCode::FAILED_PRECONDITION))
      << "a terminal state is final";
  EXPECT_EQ(deployment.Get(id).state(), v1::JOB_STATE_CANCELLED);
  RecordReliability(6, "a worker stopped with SIGSTOP past its lease left nothing behind");
}

}  // namespace
}  // namespace normlab::e2e
