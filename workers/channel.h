// channel.h - the worker's connection to its server.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace normlab::workers {

// A channel to the Unix socket `socket`, or to `address` ("127.0.0.1:7070") when it is not empty. Opens lazily and
// reopens by itself within a second of the server's return. kInvalidArgument for an address that is not loopback: the
// token would cross the network in the clear.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& socket, const std::string& address);

// The token in `path`. kInvalidArgument when it is missing, or readable by others.
absl::StatusOr<std::string> ReadToken(const std::string& path);

}  // namespace normlab::workers
