#include "proto/transport/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "base/parse_number.h"

namespace normlab {
namespace {

constexpr int kMaxPort = 65535;

// The numeric form of a loopback host; absent for any other.
std::optional<std::string> ReadHost(std::string_view host) {
  if (host.find('\0') != std::string_view::npos) {
    return std::nullopt;  // what follows would not be seen below
  }
  if (host == "localhost") {
    return "127.0.0.1";
  }
  in_addr v4{};
  if (::inet_pton(AF_INET, std::string(host).c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127 ? std::optional<std::string>(host) : std::nullopt;
  }
  in6_addr v6{};
  if (host.size() > 2 && host.front() == '[' && host.back() == ']' &&
      ::inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &v6) == 1 &&
      IN6_IS_ADDR_LOOPBACK(&v6)) {
    return "::1";
  }
  return std::nullopt;
}

bool IsPlainInUri(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

absl::StatusOr<Loopback> ReadLoopback(std::string_view option, std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::optional<int> port =
      colon == std::string_view::npos ? std::nullopt : ParseWhole<int>(address.substr(colon + 1));
  if (!port || *port < 0 || *port > kMaxPort) {
    return absl::InvalidArgumentError(
        fmt::format("{} {}: expected an address and a port such as 127.0.0.1:7070", option, address));
  }
  const std::optional<std::string> host = ReadHost(address.substr(0, colon));
  if (!host) {
    return absl::InvalidArgumentError(
        fmt::format("{} {}: only loopback (127.0.0.1, [::1] or localhost) is spoken, because nothing is encrypted (no "
                    "TLS in this version); for another machine open a tunnel, such as: ssh -L 7070:127.0.0.1:7070 HOST",
                    option, address));
  }
  return Loopback{.host = *host, .port = *port};
}

std::string HostAndPort(const Loopback& loopback) {
  return loopback.host == "::1" ? fmt::format("[::1]:{}", loopback.port)
                                : fmt::format("{}:{}", loopback.host, loopback.port);
}

std::string GrpcTarget(const Loopback& loopback) {
  return fmt::format("{}:{}", loopback.host == "::1" ? "ipv6" : "ipv4", HostAndPort(loopback));
}

absl::StatusOr<sockaddr_un> SocketAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("socket path {} has {} bytes; the system allows 1 to {}: choose a shorter --home or --socket", path,
                    path.size(), sizeof address.sun_path - 1));
  }
  if (path.find(',') != std::string::npos) {
    return absl::InvalidArgumentError(fmt::format(
        "socket path {} holds a comma, where gRPC takes an address to end: choose another --home or --socket", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::string GrpcTarget(const std::string& socket_path) {
  std::string target = "unix:";
  for (const char c : socket_path) {
    target += IsPlainInUri(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return target;
}

}  // namespace normlab
