// An I/O error of the store: nothing is acknowledged any more, everyone is told, and the next start goes on.
//
// This program's fdatasync fails while a test says so.
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "tests/server/fixture.h"

namespace {

std::atomic<bool> g_disk_is_broken = false;

}  // namespace

extern "C" int fdatasync(int fd) {
  if (g_disk_is_broken) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace normlab::server {
namespace {

using testing::HasSubstr;

class FailStopTest : public ServerTest {
 protected:
  ~FailStopTest() override { g_disk_is_broken = false; }

  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.on_failure = [this] { ++failures_; };
    return options;
  }

  grpc::Status TryCreate(std::uint64_t seed) {
    CallContext context;
    v1::CreateJobResponse response;
    return jobs_->CreateJob(&context, MnistRequest(seed), &response);
  }

  // The answer of the health service, serialised: "\x08\x01" serving, "\x08\x02" not serving.
  std::string HealthOf(std::string_view service) {
    const std::string request =
        service.empty() ? "" : fmt::format("\x0a{}{}", static_cast<char>(service.size()), service);
    return CallRaw(NewChannel(), "/grpc.health.v1.Health/Check", request, "").first_message;
  }

  std::atomic<int> failures_ = 0;
};

TEST_F(FailStopTest, HealthIsServingBefore) { EXPECT_EQ(HealthOf("normlab.v1.WorkerService"), "\x08\x01"); }

TEST_F(FailStopTest, AFailedSyncEndsAllServiceAndARestartGoesOn) {
  const v1::Job job = Create(1);
  const auto lease = LeaseOne();
  ASSERT_TRUE(Append(lease.attempt(), "train/nll", 1, 10).ok());
  g_disk_is_broken = true;
  const grpc::Status first = Append(lease.attempt(), "train/nll", 11, 10);
  EXPECT_EQ(first.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(first.error_message(), HasSubstr("I/O error"));
  g_disk_is_broken = false;
  EXPECT_EQ(failures_, 1);
  EXPECT_FALSE(daemon_->failure().ok());
  for (const std::string_view service :
       {"", "normlab.v1.JobService", "normlab.v1.CurveService", "normlab.v1.ArtifactService", "normlab.v1.PaperService",
        "normlab.v1.ExperimentService", "normlab.v1.ComparisonService", "normlab.v1.WorkerService"}) {
    EXPECT_EQ(HealthOf(service), "\x08\x02") << service << " is serving";
  }

  const grpc::Status later = TryCreate(2);
  EXPECT_EQ(later.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(later.error_message(), HasSubstr("I/O error"));
  EXPECT_EQ(ReasonOf(later), "STORE_STOPPED");
  v1::HeartbeatResponse beat;
  EXPECT_EQ(Beat(lease.attempt(), &beat).error_code(), grpc::StatusCode::UNAVAILABLE) << "workers too";
  CallContext context;
  v1::GetJobResponse response;
  v1::GetJobRequest request;
  request.set_job_id(job.job_id());
  EXPECT_EQ(jobs_->GetJob(&context, request, &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(failures_, 1) << "said once";

  StopServer();
  StartServer();
  EXPECT_EQ(Get(job.job_id()).state(), v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(Append(lease.attempt(), "train/nll", 11, 10).ok());
  EXPECT_TRUE(Finish(lease.attempt()).ok());
}

}  // namespace
}  // namespace normlab::server
