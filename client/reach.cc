#include "client/reach.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/descriptor.h"
#include "client/error.h"
#include "proto/transport/address.h"
#include "proto/transport/tls_probe.h"

namespace normlab::client {
namespace {

constexpr std::chrono::seconds kPatience{5};

// What connect(2) says of the socket; 0 if somebody listens.
int TryConnect(const std::string& path) {
  const absl::StatusOr<sockaddr_un> address = SocketAddress(path);
  if (!address.ok()) {
    return ENAMETOOLONG;
  }
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) {
    return errno;
  }
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0 ? 0 : errno;
}

absl::Status ExplainSocket(const std::string& path) {
  struct stat info {};
  const int found = ::stat(path.c_str(), &info) == 0 ? 0 : errno;
  const int error = found != 0 ? found : TryConnect(path);
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(fmt::format(
        "{}: permission denied; it is another user's: choose a --home of your own, or ask its owner", path));
  }
  if (found == 0 && !S_ISSOCK(info.st_mode)) {
    return absl::UnavailableError(fmt::format(
        "{} is not a socket, and stands where the server's should be; remove it or choose another --home", path));
  }
  if (error == ENOENT || error == ECONNREFUSED) {
    return absl::NotFoundError(fmt::format("no server at {}; start one with `normlab up` (or normlabd)", path));
  }
  if (error == 0 || error == EAGAIN) {
    return absl::UnavailableError(
        fmt::format("{} does not answer; the server there is busy or stopped, or it is not normlabd", path));
  }
  return absl::UnavailableError(fmt::format("{}: {}; choose another --home", path, std::strerror(error)));
}

absl::Status Explain(const Endpoint& endpoint) {
  if (endpoint.address.empty()) {
    return ExplainSocket(endpoint.Socket());
  }
  if (!endpoint.ca.empty()) {
    const absl::Status probed = ProbeTls(endpoint.Target(), kPatience);
    return probed.ok() ? absl::UnavailableError(fmt::format(
                             "{} speaks TLS and does not answer; it is busy or stopped, or it is not normlabd",
                             endpoint.address))
                       : probed;
  }
  return absl::NotFoundError(
      fmt::format("no server at {}; start one with: normlabd --listen {}", endpoint.address, endpoint.address));
}

}  // namespace

absl::Status Reach(const Endpoint& endpoint) {
  NORMLAB_ASSIGN_OR_RETURN(const Connection connection, Connect(endpoint));
  if (endpoint.address.empty() && TryConnect(endpoint.Socket()) != 0) {
    return ExplainSocket(endpoint.Socket());  // at once; gRPC would try again and again
  }
  return connection.channel->WaitForConnected(std::chrono::system_clock::now() + kPatience) ? absl::OkStatus()
                                                                                            : Explain(endpoint);
}

absl::Status NoServer(const Endpoint& endpoint) {
  const absl::Status cause = Explain(endpoint);
  const absl::StatusCode code =
      absl::IsPermissionDenied(cause) ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kUnavailable;
  return OfServer(absl::Status(code, cause.message()));
}

}  // namespace normlab::client
