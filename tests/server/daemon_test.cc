// A server's life: one per home, its stop, and what it takes over from the one before.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <future>

#include "proto/transport/channel.h"
#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

using DaemonTest = ServerTest;

TEST_F(DaemonTest, ASecondServerOnOneHomeIsRefusedAndTheHolderNamed) {
  DaemonOptions options = Options();
  options.socket_path = folder_.path() + "/other.sock";
  const absl::Status status = Daemon::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(Message(status), HasSubstr("another server uses " + folder_.path() + "/home"));
  EXPECT_THAT(Message(status), HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_NE(Create(1).job_id(), "");
}

TEST_F(DaemonTest, ASocketInUseIsRefused) {
  DaemonOptions options = Options();
  options.home = folder_.path() + "/other";
  const absl::Status status = Daemon::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("another server listens on"));
  EXPECT_NE(Create(1).job_id(), "");
}

TEST_F(DaemonTest, ADeadServersSocketIsReplacedAndAFileIsNot) {
  StopServer();
  EXPECT_FALSE(std::filesystem::exists(Options().socket_path));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Options().socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  StartServer();
  EXPECT_NE(Create(1).job_id(), "");
  StopServer();
  std::ofstream(Options().socket_path) << "precious";
  EXPECT_THAT(Message(Daemon::Start(Options()).status()), HasSubstr("is not a socket"));
  EXPECT_TRUE(std::filesystem::exists(Options().socket_path));
}

TEST_F(DaemonTest, ASocketPathThatIsTooLongIsRefused) {
  StopServer();
  DaemonOptions options = Options();
  options.socket_path = folder_.path() + "/" + std::string(120, 's');
  EXPECT_EQ(Daemon::Start(options).status().code(), absl::StatusCode::kInvalidArgument);
}

// A path is pasted into a URI on its way through gRPC; the server binds the bytes as they are.
TEST_F(DaemonTest, AHomeMayBeCalledAnything) {
  StopServer();
  for (const std::string name :
       {"a#b", "a?b=c&d", "100%41%", "sp ace", "a:b@c;d", "[x]{y}|z^`\"'\\", "\xc3\xa4", "\xff"}) {
    DaemonOptions options = Options();
    options.home = folder_.path() + "/" + name;
    options.socket_path = options.home + "/s";
    const auto daemon = Daemon::Start(options);
    ASSERT_TRUE(daemon.ok()) << name << ": " << daemon.status();
    const auto server = Dial({.socket = options.socket_path}, {});
    ASSERT_TRUE(server.ok()) << name << ": " << server.status();
    CallContext context;
    v1::ListJobsResponse response;
    const grpc::Status status = v1::JobService::NewStub(server->channel)->ListJobs(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << name << ": " << status.error_message();
  }
}

TEST_F(DaemonTest, StopEndsStreamsAndWaitingWorkersWithUnavailable) {
  const v1::Job job = Create(1);
  const auto lease = LeaseOne();
  CallContext jobs_context, curves_context;
  v1::WatchJobsRequest watch_jobs;
  watch_jobs.add_job_ids(job.job_id());
  const auto jobs = jobs_->WatchJobs(&jobs_context, watch_jobs);
  v1::WatchJobsResponse state;
  ASSERT_TRUE(jobs->Read(&state));
  ASSERT_TRUE(Append(lease.attempt(), "train/nll", 0, 3).ok());
  v1::WatchCurvesRequest watch_curves;
  watch_curves.add_job_ids(job.job_id());
  const auto curves = curves_->WatchCurves(&curves_context, watch_curves);
  v1::WatchCurvesResponse points;
  ASSERT_TRUE(curves->Read(&points));
  auto waiting = std::async(std::launch::async, [this] {
    CallContext context;
    v1::LeaseRequest request;
    request.set_worker("idle:1");
    request.mutable_wait()->set_seconds(25);
    v1::LeaseResponse response;
    return workers_->Lease(&context, request, &response);
  });
  daemon_->Stop();
  while (jobs->Read(&state)) {
  }
  EXPECT_EQ(jobs->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(curves->Read(&points));
  EXPECT_EQ(curves->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  // CANCELLED: it came so late that no thread took it up any more.
  EXPECT_THAT(waiting.get().error_code(), testing::AnyOf(grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED));
  StopServer();
  StartServer();
  EXPECT_EQ(Get(job.job_id()).state(), v1::JOB_STATE_RUNNING);  // its worker is elsewhere and may still live
  v1::HeartbeatResponse beat;
  EXPECT_TRUE(Beat(lease.attempt(), &beat).ok());
  RecordReliability(36, "2 streams and a waiting worker end with UNAVAILABLE");
}

TEST_F(DaemonTest, AfterARestartAWorkerStartedByHandGoesOn) {
  const v1::Job job = Create(1);
  const auto lease = LeaseOne();
  StopServer();
  StartServer();
  EXPECT_EQ(Get(job.job_id()).state(), v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(Append(lease.attempt(), "train/nll", 0, 3).ok());
  EXPECT_TRUE(Finish(lease.attempt()).ok());
}

TEST_F(DaemonTest, AMissingWorkerProgramIsSaidAtTheStart) {
  StopServer();
  DaemonOptions options = Options();
  options.worker_argv = {folder_.path() + "/no-such-worker"};
  const absl::Status status = Daemon::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("--no-workers"));
}

class ShortLeaseTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.attempts.lease = std::chrono::milliseconds(300);
    return options;
  }
};

TEST_F(ShortLeaseTest, ASilentWorkerLosesItsJobAndItsWritesAreRefused) {
  Create(1);
  const auto first = LeaseOne();
  const auto second = LeaseOne();
  EXPECT_EQ(second.attempt().job_id(), first.attempt().job_id());
  EXPECT_EQ(second.attempt().number(), 2);
  EXPECT_EQ(Append(first.attempt(), "train/nll", 0, 3).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace normlab::server
