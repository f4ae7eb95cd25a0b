// submit.h - from a request on the wire to a job that can be stored: resolved, checked, identified.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "normlab/v1/jobs.pb.h"
#include "proto/spec.h"
#include "results/store/store.h"
#include "server/edge/core.h"

namespace normlab::server {

// The job that `request` asks for, within the limits. Paths of violations start with `prefix`: "" or "requests[3].".
store::NewJob PrepareJob(const Core& core, const v1::CreateJobRequest& request, const std::string& prefix,
                         std::vector<FieldViolation>& violations);

// What will keep a job from running here that is fed `dataset`: a data set that is missing, with the command that gets
// it; empty: nothing. kFailedPrecondition if there is something and the caller does not want it queued all the same.
absl::StatusOr<std::string> MayQueue(const Core& core, std::string_view dataset, bool force);
// The same for each of `jobs` that will not reuse a stored one, or else the data sets on which it will measure nothing.
absl::StatusOr<std::vector<std::string>> CheckData(Core& core, const std::vector<store::NewJob>& jobs,
                                                   const std::vector<bool>& forced);

}  // namespace normlab::server
