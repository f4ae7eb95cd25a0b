#include "proto/transport/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/parse_number.h"
#include "proto/transport/host.h"

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

// Any numeric host, IPv6 in brackets; without them, as the system writes it.
std::optional<std::string> ReadNumeric(std::string_view host) {
  if (host.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string number(bracketed ? host.substr(1, host.size() - 2) : host);
  const int family = bracketed ? AF_INET6 : AF_INET;
  in6_addr address{};
  char text[INET6_ADDRSTRLEN];
  if (::inet_pton(family, number.c_str(), &address) != 1) {
    return std::nullopt;
  }
  return std::string(::inet_ntop(family, &address, text, sizeof text));
}

struct Split {
  std::string_view host;
  int port = 0;
};

absl::StatusOr<Split> SplitAddress(std::string_view option, std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::optional<int> port =
      colon == std::string_view::npos ? std::nullopt : ParseWhole<int>(address.substr(colon + 1));
  if (!port || *port < 0 || *port > kMaxPort) {
    return absl::InvalidArgumentError(
        fmt::format("{} {}: expected an address and a port such as 127.0.0.1:7070", option, address));
  }
  return Split{.host = address.substr(0, colon), .port = *port};
}

bool IsPlainInUri(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

absl::StatusOr<Loopback> ReadLoopback(std::string_view option, std::string_view address) {
  NORMLAB_ASSIGN_OR_RETURN(const Split split, SplitAddress(option, address));
  const std::optional<std::string> host = ReadHost(split.host);
  if (!host) {
    return absl::InvalidArgumentError(fmt::format(
        "{} {}: only loopback (127.0.0.1, [::1] or localhost) is spoken without TLS, for nothing is encrypted; for "
        "another machine give certificates, or open a tunnel, such as: ssh -L 7070:127.0.0.1:7070 HOST",
        option, address));
  }
  return Loopback{.host = *host, .port = split.port};
}

absl::StatusOr<ListenAddress> ReadListenAddress(std::string_view option, std::string_view address) {
  NORMLAB_ASSIGN_OR_RETURN(const Split split, SplitAddress(option, address));
  if (const std::optional<std::string> loopback = ReadHost(split.host)) {
    return ListenAddress(*loopback, split.port, /*loopback=*/true);
  }
  if (const std::optional<std::string> host = ReadNumeric(split.host)) {
    return ListenAddress(*host, split.port, /*loopback=*/false);
  }
  return absl::InvalidArgumentError(fmt::format(
      "{} {}: expected an address of this machine in numbers, such as 10.0.0.7:7070, or 0.0.0.0:7070 for all it has",
      option, address));
}

absl::StatusOr<Remote> ReadRemote(std::string_view option, std::string_view address) {
  NORMLAB_ASSIGN_OR_RETURN(const Split split, SplitAddress(option, address));
  const std::optional<std::string> numeric = ReadNumeric(split.host);
  if (split.port == 0 || (!numeric && !IsHostName(split.host))) {
    return absl::InvalidArgumentError(
        fmt::format("{} {}: expected a host and the server's port, such as lab.example:7070", option, address));
  }
  return Remote{.host = numeric.value_or(std::string(split.host)), .port = split.port};
}

std::string GrpcTarget(const Remote& remote) {
  in_addr v4{};
  const bool v6 = remote.host.find(':') != std::string::npos;
  const bool number = ::inet_pton(AF_INET, remote.host.c_str(), &v4) == 1;
  return (v6 ? "ipv6:" : number ? "ipv4:" : "dns:///") + HostAndPort(remote.host, remote.port);
}

std::string HostAndPort(const Loopback& loopback) { return HostAndPort(loopback.host, loopback.port); }

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
