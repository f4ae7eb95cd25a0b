// server_status.h - how a server is: what it holds, who works, what its upkeep found; as a message and as metrics.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "normlab/v1/admin.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

// Those that have a job.
int CountWorking(const std::vector<Attempts::WorkerView>& workers);

absl::Status FillStatus(Core& core, v1::GetStatusResponse& response);

void ToWire(const Core& core, const store::BackupInfo& backup, v1::Backup& wire);

// The numbers of a status in OpenMetrics 1.0.
inline constexpr char kOpenMetricsType[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
std::string OpenMetrics(const v1::GetStatusResponse& status);

}  // namespace normlab::server
