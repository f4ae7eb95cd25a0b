// submit.h - from a request on the wire to a job that can be stored: resolved, checked, identified.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "normlab/v1/jobs.pb.h"
#include "proto/spec.h"
#include "results/store/store.h"
#include "server/schedule/job_limits.h"

namespace normlab::server {

// The job that `request` asks for, within the limits. Paths of violations start with `prefix`: "" or "requests[3].".
store::NewJob PrepareJob(const v1::CreateJobRequest& request, const JobLimits& limits, const std::string& prefix,
                         std::vector<FieldViolation>& violations);

}  // namespace normlab::server
