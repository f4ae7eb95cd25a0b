// history.h - every value of a metric, in pages.
//
// Thread safety: a free function, any thread; it reads the store.
#pragma once

#include "mlflow/service.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

// By step, then time. A run without such a metric has none, as in MLflow.
absl::Status GetMetricHistory(Core& core, const mlflow::GetMetricHistoryRequest& request,
                              mlflow::GetMetricHistoryResponse& response);

}  // namespace normlab::server
