// A full disk: what cannot be stored waits, and whoever looks at a job is told why it does not get on.
//
// This program's pwrite fails while a test says so; the store writes with nothing else.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "tests/server/fixture.h"

namespace {

std::atomic<bool> g_disk_is_full = false;

ssize_t Write(int fd, const void* data, std::size_t size, off_t at) {
  if (g_disk_is_full) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(SYS_pwrite64, fd, data, size, at);
}

}  // namespace

extern "C" ssize_t pwrite(int fd, const void* data, std::size_t size, off_t at) { return Write(fd, data, size, at); }
extern "C" ssize_t pwrite64(int fd, const void* data, std::size_t size, off64_t at) {
  return Write(fd, data, size, at);
}

namespace normlab::server {
namespace {

using testing::HasSubstr;

class FullDiskTest : public ServerTest {
 protected:
  ~FullDiskTest() override { g_disk_is_full = false; }

  grpc::Status TryLease(v1::LeaseResponse* response) {
    CallContext context;
    v1::LeaseRequest request;
    request.set_worker("elsewhere:2");
    return workers_->Lease(&context, request, response);
  }
};

TEST_F(FullDiskTest, AJobThatCannotGetOnSaysWhy) {
  const std::string running = Create(1).job_id();
  const auto lease = LeaseOne();
  ASSERT_TRUE(Append(lease.attempt(), "train/nll", 1, 10).ok());
  const std::string queued = Create(2).job_id();
  EXPECT_EQ(Get(running).held_up(), "");
  EXPECT_EQ(Get(queued).held_up(), "");

  g_disk_is_full = true;
  EXPECT_EQ(Append(lease.attempt(), "train/nll", 11, 10).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::LeaseResponse response;
  EXPECT_EQ(TryLease(&response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (const std::string& job : {running, queued}) {
    EXPECT_THAT(Get(job).held_up(), HasSubstr("the server cannot store anything: ")) << job;
    EXPECT_THAT(Get(job).held_up(), HasSubstr("full")) << job;
  }

  g_disk_is_full = false;
  EXPECT_TRUE(Append(lease.attempt(), "train/nll", 11, 10).ok());
  EXPECT_TRUE(TryLease(&response).ok());
  EXPECT_EQ(Get(running).held_up(), "");
  EXPECT_EQ(Get(queued).held_up(), "");
}

TEST_F(FullDiskTest, SoDoesOneThatHasOnlyItsEndLeft) {
  const std::string job = Create(1).job_id();
  const auto lease = LeaseOne();
  g_disk_is_full = true;
  EXPECT_EQ(Finish(lease.attempt()).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Get(job).state(), v1::JOB_STATE_RUNNING);
  EXPECT_THAT(Get(job).held_up(), HasSubstr("full"));
  g_disk_is_full = false;
  EXPECT_TRUE(Finish(lease.attempt()).ok());
  EXPECT_EQ(Get(job).held_up(), "");
}

}  // namespace
}  // namespace normlab::server
