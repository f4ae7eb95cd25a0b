// watch_jobs.h - the WatchJobs stream: the newest state of jobs, pulled from the store whenever something was
// committed.
//
// Nothing is queued: one write is in flight, and a slow reader skips states it was too slow for.
//
// Thread safety: free functions on the thread of their call, which may block; any number of calls at a time.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include "normlab/v1/jobs.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

// Returns when all named jobs are terminal, one of them was deleted before its end was sent (kNotFound), the reader is
// gone (kCancelled) or the server stops (kUnavailable).
absl::Status StreamJobs(Core& core, const v1::WatchJobsRequest& request, const Caller& caller,
                        grpc::ServerWriter<v1::WatchJobsResponse>& writer);

}  // namespace normlab::server
