// routes.h - which path and verb of MLflow's REST API is which method of mlflow.TrackingService.
//
// Thread safety: a free function, any thread.
#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::server {

struct MlflowRoute {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::map<std::string, std::string> fields;  // that the path says: "model_id"
};

// `path` is decoded. kNotFound names what was asked for.
absl::StatusOr<MlflowRoute> FindMlflowRoute(std::string_view verb, std::string_view path);

}  // namespace normlab::server
