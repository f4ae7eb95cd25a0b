// Workers that the server starts itself: what they may call, and what becomes of their jobs when they end.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>

#include "proto/transport/token.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

// The worker's process only says who it is and waits; the test then calls in its name.
class LaunchedWorkerTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.worker_argv = {
        "/bin/sh", "-c",
        fmt::format("cd '{}'; echo $$ > pid; echo $NORMLAB_WORKER_CREDENTIAL > $$.new; mv $$.new $$; "
                    "exec sleep 1000",
                    folder_.path())};
    return options;
  }
  std::string FirstLine(const std::string& name) const {
    std::ifstream file(folder_.path() + "/" + name);
    std::string line;
    std::getline(file, line);
    return line;
  }
  struct Process {
    int pid = 0;
    std::string authorization;
  };
  // The worker that runs now; waits until it is up. `after`: one that was before it.
  Process Worker(int after = 0) const {
    std::string pid;
    EXPECT_TRUE(Eventually([&] {
      pid = FirstLine("pid");
      return !pid.empty() && pid != std::to_string(after) && !FirstLine(pid).empty();
    }));
    return {std::stoi(pid), AuthorizationOf(FirstLine(pid))};
  }
  grpc::Status LeaseAs(const Process& worker, v1::LeaseResponse* response) {
    CallContext context;
    context.AddMetadata(kAuthorization, worker.authorization);
    v1::LeaseRequest request;
    request.set_worker("anything:1");
    request.mutable_wait()->set_seconds(20);
    return workers_->Lease(&context, request, response);
  }
};

TEST_F(LaunchedWorkerTest, ItMayDoJobsAndNothingElse) {
  const v1::Job job = Create(1);
  const Process worker = Worker();
  CallContext context;
  context.AddMetadata(kAuthorization, worker.authorization);
  v1::CancelJobRequest cancel;
  cancel.set_job_id(job.job_id());
  v1::CancelJobResponse cancelled;
  EXPECT_EQ(jobs_->CancelJob(&context, cancel, &cancelled).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  v1::LeaseResponse response;
  ASSERT_TRUE(LeaseAs(worker, &response).ok());
  EXPECT_EQ(response.lease().attempt().job_id(), job.job_id());
}

// A worker that was taken over and hides what it was given.
class DisguisedWorkerTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.worker_argv = {
        "/bin/sh", "-c",
        fmt::format("exec '{}' jobs --socket '{}' >> '{}' 2>&1", NORMLAB, options.socket_path, Said())};
    return options;
  }
  std::string Said() const { return folder_.path() + "/said"; }
};

TEST_F(DisguisedWorkerTest, ItIsNotTheSocketsUser) {
  Create(1);
  std::string said;
  EXPECT_TRUE(Eventually([&] {
    std::ifstream file(Said());
    return static_cast<bool>(std::getline(file, said));
  }));
  EXPECT_THAT(said, testing::HasSubstr("callers here need a token"));
}

TEST_F(LaunchedWorkerTest, ItsJobGoesBackWhenItsProcessEnds) {
  Create(1);
  const Process worker = Worker();
  v1::LeaseResponse response;
  ASSERT_TRUE(LeaseAs(worker, &response).ok());
  ::kill(worker.pid, SIGKILL);
  const Process next = Worker(worker.pid);
  v1::LeaseResponse again;
  ASSERT_TRUE(LeaseAs(next, &again).ok());
  EXPECT_EQ(again.lease().attempt().number(), 2);
  v1::HeartbeatResponse beat;
  EXPECT_EQ(Beat(response.lease().attempt(), &beat).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  v1::Attempt guessed = again.lease().attempt();
  guessed.set_secret(response.lease().attempt().secret());
  EXPECT_EQ(ReasonOf(Beat(guessed, &beat)), "ATTEMPT_SECRET") << "the first attempt's is not the second's";
  EXPECT_TRUE(Beat(again.lease().attempt(), &beat).ok());
}

TEST_F(LaunchedWorkerTest, ItsCredentialEndsWithIt) {
  const Process worker = Worker();
  ::kill(worker.pid, SIGKILL);
  Worker(worker.pid);
  v1::LeaseResponse response;
  EXPECT_EQ(LeaseAs(worker, &response).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace normlab::server
