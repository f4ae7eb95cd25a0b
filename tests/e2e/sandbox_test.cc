// Workers in their sandbox, and without it: the same bits, and the job's record says which it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/landlock.h"
#include "tests/e2e/deployment.h"
#include "tests/sanitizer.h"

namespace normlab::e2e {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The job as the next worker runs it, which is started with `flags`.
v1::Job RunWith(Deployment& deployment, const std::vector<std::string>& flags) {
  std::vector<std::string> all = {"--threads", "2", "--once", "--checkpoint-interval", "0"};
  all.insert(all.end(), flags.begin(), flags.end());
  const pid_t worker = deployment.StartWorker(all);
  const v1::Job job = deployment.WaitUntilTerminal(deployment.Submit(SmallSpec()));
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(deployment.WaitForExit(worker), 0) << deployment.Log(worker);
  return job;
}

TEST(SandboxTest, AJobInItHasTheBitsOfOneWithoutIt) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  Deployment deployment({"--no-workers"});
  const v1::Job inside = RunWith(deployment, {"--max-file-gib", "1"});
  const v1::Job outside = RunWith(deployment, {"--no-sandbox"});
  EXPECT_EQ(outside.facts().at("sandbox"), "none: --no-sandbox");
  if (!kSanitized) {
    EXPECT_THAT(inside.facts().at("sandbox"), StartsWith("no_new_privs, rlimits, "));
    EXPECT_THAT(inside.facts().at("sandbox"), HasSubstr("seccomp"));
  }
  EXPECT_EQ(inside.fingerprint(), outside.fingerprint());
  EXPECT_EQ(deployment.ReadCurve(inside.job_id()), deployment.ReadCurve(outside.job_id()));
}

TEST(SandboxTest, TheServerStartsItsWorkersInIt) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  for (const bool inside : {true, false}) {
    Deployment deployment(inside ? std::vector<std::string>{"--slots", "1"}
                                 : std::vector<std::string>{"--slots", "1", "--no-sandbox"});
    const v1::Job job = deployment.WaitUntilTerminal(deployment.Submit(SmallSpec()));
    ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
    EXPECT_EQ(job.facts().at("sandbox") == "none: --no-sandbox", !inside) << job.facts().at("sandbox");
  }
}

// A folder that was not there when the worker entered stays closed to it, whatever its mode says.
TEST(SandboxTest, DataBesideItsFoldersIsOutOfReach) {
  if (const auto version = LandlockVersion(); kSanitized || !version.ok()) {
    GTEST_SKIP() << "no Landlock here, or a sanitizer's build";
  }
  Deployment deployment({"--no-workers"});
  const std::string data = deployment.home() + "/late";
  const pid_t worker = deployment.StartWorker({"--once", "--data", data});
  while (deployment.Log(worker).find("in_force") == std::string::npos) {
    std::this_thread::yield();
  }
  std::filesystem::create_directories(data + "/mnist");
  std::ofstream(data + "/mnist/train-images-idx3-ubyte") << "no images";
  v1::JobSpec spec = SmallSpec();
  spec.mutable_mnist_mlp()->set_dataset(v1::MNIST_DATASET_MNIST);
  const v1::Job job = deployment.WaitUntilTerminal(deployment.Submit(spec));
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error(), HasSubstr("Permission denied"));
}

}  // namespace
}  // namespace normlab::e2e
