// collect_garbage.h - which ended jobs are old enough to go.
//
// Thread safety: free function, any thread.
#pragma once

#include "normlab/v1/admin.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

// AdminService.CollectGarbage. Deletes in slices that are each on disk; cut off, it is finished by another call.
absl::Status CollectGarbage(Core& core, const v1::CollectGarbageRequest& request, const Caller& caller,
                            v1::CollectGarbageResponse& response);

}  // namespace normlab::server
