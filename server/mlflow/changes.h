// changes.h - what MLflow's client says of its runs: they are made, logged to, renamed, ended and put aside.
//
// Everything is on disk when a function returns OK. Our own jobs take none of it (kFailedPrecondition).
//
// Thread safety: free functions, any thread, which may block.
#pragma once

#include "mlflow/service.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

absl::Status CreateRun(Core& core, const mlflow::CreateRunRequest& request, mlflow::CreateRunResponse& response);
absl::Status UpdateRun(Core& core, const mlflow::UpdateRunRequest& request, mlflow::UpdateRunResponse& response);
// Into MLflow's trash, or out of it. What is there is still a job, until that is deleted.
absl::Status SetRemoved(Core& core, const std::string& run_id, bool removed);

absl::Status LogMetric(Core& core, const mlflow::LogMetricRequest& request);
absl::Status LogParam(Core& core, const mlflow::LogParamRequest& request);
absl::Status SetTag(Core& core, const mlflow::SetTagRequest& request);
absl::Status DeleteTag(Core& core, const mlflow::DeleteTagRequest& request);
absl::Status LogBatch(Core& core, const mlflow::LogBatchRequest& request);
absl::Status LogInputs(Core& core, const mlflow::LogInputsRequest& request);
absl::Status LogOutputs(Core& core, const mlflow::LogOutputsRequest& request);

}  // namespace normlab::server
