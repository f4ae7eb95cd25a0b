// list_jobs.h - pages of jobs: filter, order, what of a job is wanted.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/field_mask.pb.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "normlab/v1/jobs.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

absl::Status ListJobs(Core& core, const v1::ListJobsRequest& request, v1::ListJobsResponse& response);

// "best test/error desc". A violation of `order_by` for anything else than jobs.proto names.
store::JobOrder ReadOrder(std::string_view text, std::vector<FieldViolation>& violations);

// Whether more is better in a series of that name, as far as a name can tell.
bool HigherIsBetter(std::string_view series);

// A violation for each path of the mask that is no field of a Job.
void CheckMask(const google::protobuf::FieldMask& mask, std::vector<FieldViolation>& violations);
// Leaves in `job` what the mask names; all if it names nothing.
void Trim(const google::protobuf::FieldMask& mask, v1::Job& job);

}  // namespace normlab::server
