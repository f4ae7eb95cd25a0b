// metrics_call.h - GET /metrics: AdminService.GetMetrics with the caller's token, its text as it is.
//
// Threads: the connection's strand.
#pragma once

#include <memory>

#include "server/http/connection.h"
#include "server/http/services.h"

namespace normlab::server::http {

// Answers the connection's request. `services` outlive the connection.
void RunMetricsCall(const std::shared_ptr<Connection>& connection, Services& services);

}  // namespace normlab::server::http
