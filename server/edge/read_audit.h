// read_audit.h - AdminService.ReadAudit.
//
// Thread safety: free function on the thread of its call, which may block.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include "base/status.h"
#include "normlab/v1/admin.pb.h"
#include "server/edge/audit_log.h"
#include "server/edge/caller.h"

namespace normlab::server {

absl::Status ReadAudit(const AuditLog& log, const v1::ReadAuditRequest& request, const Caller& caller,
                       grpc::ServerWriter<v1::ReadAuditResponse>& writer);

}  // namespace normlab::server
