// A worker that its server cannot hear for a while: less than its lease, and more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/paths.h"
#include "tests/e2e/result.h"
#include "tests/e2e/silent_proxy.h"
#include "tests/reliability.h"

namespace normlab::e2e {
namespace {

using testing::HasSubstr;

TEST(PartitionTest, WhatItMeasuredComesOnceAndBeyondItsLeaseItStops) {
  if (AvailableDataset().empty()) {
    GTEST_SKIP() << kNoData;
  }
  constexpr std::chrono::seconds kLease{15};
  constexpr std::chrono::seconds kShort{2};
  constexpr std::chrono::minutes kPatience{3};
  Deployment deployment({"--no-workers", "--lease-seconds", std::to_string(kLease.count())});
  SilentProxy proxy(deployment.home() + "/proxy.sock", SocketPath(deployment.home()));
  const pid_t worker = deployment.StartWorker({"--threads", "1", "--socket", proxy.path()});
  const std::string id = deployment.Submit(EndlessSpec());
  deployment.WaitForPoints(id);

  proxy.FallSilent();
  std::this_thread::sleep_for(kShort);
  const std::uint64_t before = deployment.Get(id).steps_done();
  proxy.Speak();
  const v1::Job back = deployment.WaitUntil(id, [before](const v1::Job& job) { return job.steps_done() > before; });
  EXPECT_EQ(back.attempt(), 1) << "a silence shorter than the lease costs nothing";

  proxy.FallSilent();
  deployment.WaitUntil(id, [](const v1::Job& job) { return job.state() == v1::JOB_STATE_QUEUED; });
  const Curve acknowledged = deployment.ReadCurve(id);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (deployment.Log(worker).find("attempt_lost") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_THAT(deployment.Log(worker), HasSubstr("attempt_lost job=" + id + " attempt=1")) << "it works on unheard";
  proxy.Speak();
  // Beyond all that the first attempt stored, and told: its heartbeats are ahead of its points.
  const std::uint64_t first = std::max<std::uint64_t>(acknowledged.size(), deployment.Get(id).steps_done());
  const v1::Job job = ExpectSameBeginning(deployment, id, first, EndlessSpec(), acknowledged);
  EXPECT_EQ(job.attempt(), 2);
  RecordReliability(7, fmt::format("cut off for {} s: points wait and come once; for {} s, its lease: it stops itself",
                                   kShort.count(), kLease.count()));
}

}  // namespace
}  // namespace normlab::e2e
