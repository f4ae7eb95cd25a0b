// A job that wants more memory than there is: it fails and says so; its worker and the server go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/e2e/deployment.h"
#include "tests/reliability.h"
#include "tests/sanitizer.h"

namespace normlab::e2e {
namespace {

using testing::HasSubstr;

constexpr rlim_t kMiB = 1 << 20;

// The address space that a process has taken.
rlim_t AddressSpace(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  rlim_t pages = 0;
  file >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

// 8192 x 8192 weights, their gradients and two moments alone are 1 GiB.
v1::JobSpec SpecOfAGibibyte() {
  v1::JobSpec spec = SmallSpec();
  spec.mutable_mnist_mlp()->set_hidden_units(8192);
  return spec;
}

TEST(MemoryTest, AJobThatTakesAllOfItFailsAndItsWorkerGoesOn) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  if (kSanitized) {
    GTEST_SKIP() << "a sanitizer's memory is no memory of the job, and ends the process where there is none left";
  }
  Deployment deployment({"--no-workers"});
  const pid_t worker = deployment.StartWorker({"--threads", "1"});
  ASSERT_EQ(deployment.WaitUntilTerminal(deployment.Submit(SmallSpec())).state(), v1::JOB_STATE_SUCCEEDED)
      << "so that the worker has what it needs besides";
  const rlim_t most = AddressSpace(worker) + 512 * kMiB;
  const rlimit limit{.rlim_cur = most, .rlim_max = most};
  ASSERT_EQ(::prlimit(worker, RLIMIT_AS, &limit, nullptr), 0);

  const v1::Job large = deployment.WaitUntilTerminal(deployment.Submit(SpecOfAGibibyte()));
  EXPECT_EQ(large.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(large.attempt(), 1) << "another attempt would fail alike";
  EXPECT_THAT(large.error(), HasSubstr("out of memory"));
  EXPECT_THAT(large.error(), HasSubstr("--slots")) << "what to do";

  v1::JobSpec next = SmallSpec();
  next.set_seed(8);
  const v1::Job small = deployment.WaitUntilTerminal(deployment.Submit(next));
  EXPECT_EQ(small.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(Deployment::WorkerPid(small), worker);
  RecordReliability(41,
                    "a job that wants 1 GiB more than there is fails with what to do; its worker runs the next one");
}

}  // namespace
}  // namespace normlab::e2e
