// models.h - MLflow's logged models: notes of the run that made them, with their files among its artifacts, below
// "models/ID". A model without a run is refused: it would have no place.
//
// Thread safety: free functions, any thread. Of two changes of one model at the same moment the later one counts.
#pragma once

#include "mlflow/service.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

absl::Status CreateLoggedModel(Core& core, const mlflow::CreateLoggedModelRequest& request,
                               mlflow::CreateLoggedModelResponse& response);
absl::Status GetLoggedModel(Core& core, const mlflow::GetLoggedModelRequest& request,
                            mlflow::GetLoggedModelResponse& response);
absl::Status FinalizeLoggedModel(Core& core, const mlflow::FinalizeLoggedModelRequest& request,
                                 mlflow::FinalizeLoggedModelResponse& response);
absl::Status SetLoggedModelTags(Core& core, const mlflow::SetLoggedModelTagsRequest& request,
                                mlflow::SetLoggedModelTagsResponse& response);
absl::Status LogLoggedModelParams(Core& core, const mlflow::LogLoggedModelParamsRequest& request);

// All that match, the newest first.
absl::Status SearchLoggedModels(Core& core, const mlflow::SearchLoggedModelsRequest& request,
                                mlflow::SearchLoggedModelsResponse& response);

}  // namespace normlab::server
