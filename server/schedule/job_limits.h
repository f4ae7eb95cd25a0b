// job_limits.h - what a job may be at most, so that a job that cannot be finished is refused when it is submitted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "normlab/v1/experiments.pb.h"
#include "proto/spec.h"

namespace normlab::server {

struct JobLimits {
  std::uint64_t file_bytes = std::uint64_t{8} << 30;  // of a checkpoint, of an artifact
  std::uint64_t memory_bytes = 0;                     // of a worker, by estimate (proto/footprint.h); 0: not known
};

// Appends a violation, whose path starts with `prefix`, for each limit that a resolved spec with valid fields exceeds.
//
// Thread safety: a free function, any thread.
void CheckLimits(const v1::JobSpec& resolved, const JobLimits& limits, const std::string& prefix,
                 std::vector<FieldViolation>& violations);

}  // namespace normlab::server
