// read_log.h - the lines of a job's log, at once or as they come.
//
// Thread safety: a free function on the thread of its call, which may block; any number of calls at a time.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include "base/status.h"
#include "normlab/v1/jobs.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

absl::Status SendLog(Core& core, const v1::ReadLogRequest& request, const Caller& caller,
                     grpc::ServerWriter<v1::ReadLogResponse>& writer);

}  // namespace normlab::server
