#include "tests/e2e/result.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace normlab::e2e {

Result RunUndisturbed(Deployment& deployment, const v1::JobSpec& spec) {
  const auto start = std::chrono::steady_clock::now();
  const v1::Job job = deployment.WaitUntilTerminal(deployment.Submit(spec));
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(job.attempt(), 1);
  return {.fingerprint = job.fingerprint(),
          .curve = deployment.ReadCurve(job.job_id()),
          .took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start)};
}

namespace {

void ExpectNoneLost(const Curve& curve, const Curve& acknowledged) {
  for (const auto& [key, bits] : acknowledged) {
    const auto it = curve.find(key);
    EXPECT_TRUE(it != curve.end() && it->second == bits) << key.first << " at " << key.second << " was lost or changed";
  }
}

}  // namespace

v1::Job ExpectSameResult(Deployment& deployment, const std::string& job_id, const Result& expected,
                         const Curve& acknowledged) {
  const v1::Job job = deployment.WaitUntilTerminal(job_id);
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(job.fingerprint(), expected.fingerprint);
  const Curve curve = deployment.ReadCurve(job_id);
  EXPECT_TRUE(curve == expected.curve) << curve.size() << " points; the undisturbed run has " << expected.curve.size();
  ExpectNoneLost(curve, acknowledged);
  return job;
}

v1::Job ExpectSameBeginning(Deployment& deployment, const std::string& job_id, std::uint64_t steps,
                            const v1::JobSpec& spec, const Curve& acknowledged) {
  const v1::Job job = deployment.CancelBeyond(job_id, steps);
  const v1::Job undisturbed = deployment.CancelBeyond(deployment.Submit(spec), job.steps_done());
  EXPECT_EQ(undisturbed.attempt(), 1);
  const Curve curve = deployment.ReadCurve(job_id);
  Curve expected = deployment.ReadCurve(undisturbed.job_id());
  // A series at a time: at the update where a run is cut, an evaluation has its point and the next batch has none yet.
  std::map<std::string, std::uint64_t> last;
  for (const auto& [key, bits] : curve) {
    last[key.first] = std::max(last[key.first], key.second);
  }
  std::erase_if(expected, [&](const auto& point) {
    const auto found = last.find(point.first.first);
    return point.first.second > (found == last.end() ? job.steps_done() : found->second);
  });
  EXPECT_GT(curve.size(), job.steps_done()) << "a point an update, and one before the first";
  EXPECT_TRUE(curve == expected) << curve.size() << " points; the undisturbed run has " << expected.size();
  ExpectNoneLost(curve, acknowledged);
  return job;
}

}  // namespace normlab::e2e
