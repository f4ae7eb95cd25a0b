// grpc_server.h - the gRPC server with all services and its limits.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "proto/transport/certificate.h"
#include "server/edge/core.h"
#include "server/edge/listener.h"

namespace normlab::server {

struct Hosted {
  std::string_view name;  // "normlab.v1.JobService"
  std::unique_ptr<grpc::Service> service;
};

struct GrpcServerOptions {
  bool reflection = false;              // also answer what services there are, which is not guarded by the gate
  std::vector<Hosted> services = {};    // beside those of this floor
  std::optional<Certificate> tls = {};  // of the listener's TLS socket, if it has one
  std::shared_ptr<grpc::ServerCredentials> port = {};  // of the listener's port; null: nothing is encrypted there
};

// Thread safety: Drain from any thread; the rest from one.
class GrpcServer {
 public:
  // Serves from now on.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Core& core, Listener& listener, GrpcServerOptions options);
  virtual ~GrpcServer() = default;

  // To the services, from inside this process. They are behind the gate, as for everybody.
  virtual std::shared_ptr<grpc::Channel> InProcess() = 0;

  // Health checks read NOT_SERVING from now on.
  virtual void Drain() = 0;
  // Ends: calls under way have until `grace` has passed.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace normlab::server
