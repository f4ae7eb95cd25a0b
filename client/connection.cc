#include "client/connection.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "base/paths.h"

namespace normlab::client {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;  // a self-contained report with figures is larger than gRPC's 4 MiB

}  // namespace

std::string Endpoint::Home() const { return home.empty() ? DefaultHome() : home; }
std::string Endpoint::Socket() const { return socket.empty() ? SocketPath(Home()) : socket; }
std::string Endpoint::Describe() const { return address.empty() ? Socket() : address; }

DialTarget Endpoint::Target() const {
  return {.socket = Socket(), .address = address, .token_file = token_file, .ca = ca, .cert = cert, .key = key};
}

absl::StatusOr<Connection> Connect(const Endpoint& endpoint) {
  Connection connection;
  if (endpoint.address.empty() && endpoint.socket.empty() && endpoint.Home().empty()) {
    return absl::InvalidArgumentError("--home is missing, and neither HOME nor the system says where yours is");
  }
  connection.describe = endpoint.Describe();
  connection.endpoint = endpoint;
  grpc::ChannelArguments arguments;
  // With the bandwidth probe on, gRPC buffers megabytes for a watcher that reads slowly.
  arguments.SetInt("grpc.http2.bdp_probe", 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A server that comes up should be found at once.
  arguments.SetInt("grpc.initial_reconnect_backoff_ms", 100);
  arguments.SetInt("grpc.max_reconnect_backoff_ms", 1000);
  // Each command has a connection of its own: no sharing of a broken subchannel.
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  NORMLAB_ASSIGN_OR_RETURN(Dialled server, Dial(endpoint.Target(), arguments));
  connection.channel = std::move(server.channel);
  connection.authorization = std::move(server.authorization);
  return connection;
}

}  // namespace normlab::client
