// change_jobs.h - the calls that change many jobs: a filter in, one store call, what was changed and what was not out.
//
// Thread safety: free functions, any thread; each blocks until all slices are on disk.
#pragma once

#include "base/status.h"
#include "normlab/v1/jobs.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

absl::Status CancelJobs(Core& core, const v1::CancelJobsRequest& request, v1::CancelJobsResponse& response);
absl::Status ResumeJobs(Core& core, const v1::ResumeJobsRequest& request, const Caller& caller,
                        v1::ResumeJobsResponse& response);
absl::Status DeleteJobs(Core& core, const v1::DeleteJobsRequest& request, v1::DeleteJobsResponse& response);
absl::Status UpdateJobs(Core& core, const v1::UpdateJobsRequest& request, v1::UpdateJobsResponse& response);

}  // namespace normlab::server
