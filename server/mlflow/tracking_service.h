// tracking_service.h - MLflow's tracking server over the store. See proto/mlflow/service.proto.
//
// It is behind the gate like every other service. MLflow's client speaks REST: mlflow_api.h.
//
// Thread safety: the service's methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "server/edge/grpc_server.h"

namespace normlab::server {

// The service, which borrows `core`.
Hosted HostTracking(Core& core);

}  // namespace normlab::server
