#include "tests/e2e/result.h"

#include <gtest/gtest.h>

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

v1::Job ExpectSameResult(Deployment& deployment, const std::string& job_id, const Result& expected,
                         const Curve& acknowledged) {
  const v1::Job job = deployment.WaitUntilTerminal(job_id);
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(job.fingerprint(), expected.fingerprint);
  const Curve curve = deployment.ReadCurve(job_id);
  EXPECT_TRUE(curve == expected.curve) << curve.size() << " points; the undisturbed run has " << expected.curve.size();
  for (const auto& [key, bits] : acknowledged) {
    const auto it = curve.find(key);
    EXPECT_TRUE(it != curve.end() && it->second == bits) << key.first << " at " << key.second << " was lost or changed";
  }
  return job;
}

}  // namespace normlab::e2e
