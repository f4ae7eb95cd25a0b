// address.h - where a server listens: a loopback address and port, one that others reach, or a Unix socket.
//
// Read here and nowhere else, so that all three programs agree on what is loopback: without TLS a token and everything else is
// sent in the clear, and only the kernel may carry it.
//
// Thread safety: free functions, any thread.
#pragma once

#include <sys/un.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace normlab {

// A checked loopback address.
struct Loopback {
  std::string host;  // numeric: in 127.0.0.0/8, or "::1"
  int port = 0;      // a listener takes 0 for any free one
};

// Reads "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; localhost is 127.0.0.1 by definition here and is never
// looked up. `option` is named in errors. kInvalidArgument for everything else, with what to do instead: other names,
// whose meaning can change, other addresses, zone ids, users, and ports out of range.
absl::StatusOr<Loopback> ReadLoopback(std::string_view option, std::string_view address);

// "127.0.0.1:8080", "[::1]:8080".
std::string HostAndPort(const Loopback& loopback);

// Any address of this machine.
struct ListenAddress {
  ListenAddress(std::string host, int port, bool loopback) : host(std::move(host)), port(port), loopback(loopback) {}
  ListenAddress(Loopback only) : host(std::move(only.host)), port(only.port) {}  // NOLINT: is one

  std::string host;  // numeric
  int port = 0;      // 0: any free one
  bool loopback = true;
};

// The same for an address that is served with TLS: also "10.0.0.7:8080", "[2001:db8::7]:8080", and "0.0.0.0:8080" or "[::]:8080"
// for all of the machine. What is no loopback address by ReadLoopback's rule is none here.
absl::StatusOr<ListenAddress> ReadListenAddress(std::string_view option, std::string_view address);

// Where a client finds a server that speaks TLS.
struct Remote {
  std::string host;  // a name or a numeric address, without brackets
  int port = 0;      // 1 to 65535
};

// Reads "lab.example:8080", "10.0.0.7:8080" or "[::1]:8080".
absl::StatusOr<Remote> ReadRemote(std::string_view option, std::string_view address);

// As gRPC takes it: names are looked up, numbers are not.
std::string GrpcTarget(const Remote& remote);

// As gRPC takes it, numeric, so that nothing is looked up: "ipv4:127.0.0.1:8080", "ipv6:[::1]:8080".
std::string GrpcTarget(const Loopback& loopback);

// Of a Unix socket. kInvalidArgument for a path that the system cannot hold, or that gRPC cannot dial.
absl::StatusOr<sockaddr_un> SocketAddress(const std::string& path);

// As gRPC takes it: a URI, so bytes that mean something there are percent-encoded.
std::string GrpcTarget(const std::string& socket_path);

}  // namespace normlab
