// search.h - MLflow's search of runs, over ours and external ones alike.
//
// Thread safety: a free function, any thread; it reads the store.
#pragma once

#include "mlflow/service.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

// Looks at every job of the experiments, newest first; of those that are found it answers a page, which ends early where it
// would become too large a message. kCancelled when nobody waits any more.
absl::Status SearchRuns(Core& core, const Caller& caller, const mlflow::SearchRunsRequest& request,
                        mlflow::SearchRunsResponse& response);

}  // namespace normlab::server
