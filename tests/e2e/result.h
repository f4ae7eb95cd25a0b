// result.h - what a job gave, and the comparison of a disturbed job with an undisturbed one.
#pragma once

#include <chrono>
#include <string>

#include "tests/e2e/deployment.h"

namespace normlab::e2e {

struct Result {
  std::string fingerprint;
  Curve curve;
  std::chrono::milliseconds took{0};
};

// Runs `spec` to its end without disturbing it.
Result RunUndisturbed(Deployment& deployment, const v1::JobSpec& spec);

// Waits for the job's end and expects success, the same fingerprint and the same points, bit for bit. `acknowledged`:
// points that were read before something was killed; none of them may be lost.
v1::Job ExpectSameResult(Deployment& deployment, const std::string& job, const Result& expected,
                         const Curve& acknowledged = {});

// For jobs of the same spec that never end: cancels `job` beyond `steps`, then runs one undisturbed beyond that, and
// expects the same points, bit for bit, as far as the first one came. `acknowledged`: as above.
v1::Job ExpectSameBeginning(Deployment& deployment, const std::string& job, std::uint64_t steps,
                            const v1::JobSpec& spec, const Curve& acknowledged = {});

}  // namespace normlab::e2e
