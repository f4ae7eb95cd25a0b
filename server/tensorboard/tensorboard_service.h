// tensorboard_service.h - TensorBoard's data provider over the store. See proto/tensorboard/data_provider.proto.
//
// It is behind the gate like every other service. The stock TensorBoard can show no token, so it comes through a Unix socket
// of its own (docs/TENSORBOARD.md).
//
// Thread safety: the service's methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "server/edge/grpc_server.h"

namespace normlab::server {

// The service, which borrows `core`.
Hosted HostTensorboard(Core& core);

}  // namespace normlab::server
