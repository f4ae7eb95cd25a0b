// mlflow_api.h - MLflow's REST API for the HTTP door: paths and queries, JSON as MLflow writes it, and its errors:
//
//   {"error_code": "INVALID_PARAMETER_VALUE", "message": "metrics[3].key is empty; expected ..."}
//
// Thread safety: as RestApi.
#pragma once

#include "server/http/rest_api.h"

namespace normlab::server {

// Lives as long as the program.
const http::RestApi& MlflowApi();

}  // namespace normlab::server
