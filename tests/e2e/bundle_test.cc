// Runs travel: out of one store, into another, and into pandas with nothing of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/e2e/result.h"

namespace normlab::e2e {
namespace {

using testing::HasSubstr;

TEST(BundleTest, ARunThatTravelledIsTheSameAndIsCountedOnce) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  Deployment home({"--slots", "1"});
  const v1::Job there = home.WaitUntilTerminal(home.Submit(SmallSpec()));
  ASSERT_EQ(there.state(), v1::JOB_STATE_SUCCEEDED) << there.error();
  const std::string bundle = home.home() + "/run.zip";
  ASSERT_EQ(home.RunClient({"export", there.job_id(), "--bundle", bundle, "--files"}).first, 0) << home.ClientLog();

  Deployment elsewhere({"--no-workers"});
  const auto [code, out] = elsewhere.RunClient({"import", bundle});
  ASSERT_EQ(code, 0) << out << elsewhere.ClientLog();
  const v1::Job here = elsewhere.Get("j1");
  EXPECT_EQ(here.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(here.identity(), there.identity());
  EXPECT_EQ(here.fingerprint(), there.fingerprint());
  EXPECT_EQ(elsewhere.ReadCurve("j1"), home.ReadCurve(there.job_id()));
  // Its files came too: they are what `verify` repeats the last updates with.
  EXPECT_THAT(elsewhere.RunClient({"artifacts", "j1"}).second, HasSubstr("weights.safetensors"));
  EXPECT_THAT(elsewhere.RunClient({"import", bundle}).second, HasSubstr("0 imported, 1 here already"));
  // And back home it is known.
  EXPECT_THAT(home.RunClient({"import", bundle}).second, HasSubstr("0 imported, 1 here already"));
}

TEST(BundleTest, PandasReadsItByItsDescription) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  if (std::system(PYTHON " -c 'import pandas' >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "no pandas for python3; apt-get install python3-pandas";
  }
  Deployment home({"--slots", "1"});
  const v1::Job job = home.WaitUntilTerminal(home.Submit(SmallSpec()));
  const std::string bundle = home.home() + "/run.zip", csv = home.home() + "/run.csv";
  ASSERT_EQ(home.RunClient({"export", job.job_id(), "--bundle", bundle}).first, 0) << home.ClientLog();
  ASSERT_EQ(home.RunClient({"export", job.job_id(), "-o", csv}).first, 0) << home.ClientLog();
  const std::string command = std::string(PYTHON) + " " + READ_BUNDLE + " " + bundle + " " + csv;
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace normlab::e2e
