#include "client/connection.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "absl/strings/ascii.h"
#include "base/fs.h"
#include "base/paths.h"

namespace normlab::client {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;  // a self-contained report with figures is larger than gRPC's 4 MiB

bool IsLoopback(const std::string& address) {
  return address.rfind("127.", 0) == 0 || address.rfind("localhost:", 0) == 0 || address.rfind("[::1]:", 0) == 0;
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return absl::InvalidArgumentError(
        fmt::format("token file {} can be read by others; run: chmod 600 {}", path, path));
  }
  auto text = PosixFileSystem().Read(path);
  if (!text.ok()) {
    return absl::InvalidArgumentError(fmt::format("--token-file: {}", Message(text.status())));
  }
  return std::string(absl::StripAsciiWhitespace(*text));
}

}  // namespace

std::string Endpoint::Home() const { return home.empty() ? DefaultHome() : home; }
std::string Endpoint::Socket() const { return socket.empty() ? SocketPath(Home()) : socket; }
std::string Endpoint::Describe() const { return address.empty() ? Socket() : address; }

absl::StatusOr<Connection> Connect(const Endpoint& endpoint) {
  Connection connection;
  if (endpoint.address.empty() && endpoint.socket.empty() && endpoint.Home().empty()) {
    return absl::InvalidArgumentError("--home is missing, and neither HOME nor the system says where yours is");
  }
  connection.describe = endpoint.Describe();
  connection.endpoint = endpoint;
  std::string target = "unix:" + endpoint.Socket();
  if (!endpoint.address.empty()) {
    if (!IsLoopback(endpoint.address)) {
      return absl::InvalidArgumentError(fmt::format(
          "--address {}: only loopback (127.0.0.1, localhost, [::1]) is spoken without encryption; for another "
          "machine open a tunnel, such as: ssh -L 7070:127.0.0.1:7070 HOST",
          endpoint.address));
    }
    target = endpoint.address;
    if (!endpoint.token_file.empty()) {
      NORMLAB_ASSIGN_OR_RETURN(connection.token, ReadToken(endpoint.token_file));
    }
  } else if (!endpoint.token_file.empty()) {
    return absl::InvalidArgumentError("--token-file goes with --address; the Unix socket needs no token");
  } else if (endpoint.Socket().size() >= sizeof(sockaddr_un{}.sun_path)) {
    return absl::InvalidArgumentError(
        fmt::format("socket path {} has {} bytes; the system allows {}: choose a shorter --home", endpoint.Socket(),
                    endpoint.Socket().size(), sizeof(sockaddr_un{}.sun_path) - 1));
  }
  grpc::ChannelArguments arguments;
  // With the bandwidth probe on, gRPC buffers megabytes for a watcher that reads slowly.
  arguments.SetInt("grpc.http2.bdp_probe", 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A socket has no proxy, and a server that comes up should be found at once.
  arguments.SetInt("grpc.enable_http_proxy", 0);
  arguments.SetInt("grpc.initial_reconnect_backoff_ms", 100);
  arguments.SetInt("grpc.max_reconnect_backoff_ms", 1000);
  // Each command has a connection of its own: no sharing of a broken subchannel.
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  connection.channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  return connection;
}

}  // namespace normlab::client
