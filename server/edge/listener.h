// listener.h - accepts connections on Unix sockets and a loopback port and hands them to gRPC.
//
// gRPC 1.51's own listener stays deaf for ever after it once ran out of file descriptors (CVE-2023-4785). This one then
// closes a spare descriptor, takes and drops the connection, and goes on listening. It also keeps the connections of each
// door to a number of their own: each costs memory and a descriptor before anyone has shown a token, and strangers who
// fill the port must not lock the socket's owner out.
//
// Thread safety: Start and Stop from one thread; one thread of its own accepts.
#pragma once

#include <grpcpp/server_builder.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/status.h"
#include "proto/transport/address.h"

namespace normlab::server {

// Connections at a time; further ones are closed as they come.
struct ConnectionLimits {
  int socket = 0;  // of each
  int tcp = 0;
};

// Where to listen.
struct Places {
  std::string socket;
  mode_t socket_mode = 0600;    // of the first socket
  std::string tls_socket = {};  // for a client that speaks nothing but TLS; empty: none
  std::optional<Loopback> loopback = {};
};

class Listener {
 public:
  using Acceptor = std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor>;

  // Binds the sockets (mode 0600 unless told otherwise, their directories 0700 if they have to be made) and the port. kFailedPrecondition when
  // another process serves there. A dead server's socket is replaced.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const Places& places, ConnectionLimits limits);
  // Stops, and removes the sockets.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Connections wait in the kernel's queue until this is called. Acceptors come from the server's builder; `tls` takes
  // those of the TLS socket.
  void Start(Acceptor acceptor, Acceptor tls);
  void Stop();

  bool has_tls_socket() const { return tls_.fd >= 0; }
  // The loopback port; 0: none.
  int port() const { return port_; }

 private:
  Listener() = default;
  struct Door {
    std::string_view name;  // "socket", for the log
    int fd = -1;            // that listens; -1: not asked for
    std::string path = {};  // of the socket to remove; empty: none was made
    std::size_t limit = 0;
    std::map<int, ino_t> connections = {};  // descriptors handed over, with their sockets' inodes; of the thread
    bool full = false;                      // of the thread
  };

  static absl::Status BindSocket(const std::string& path, mode_t mode, Door& door);
  absl::Status BindLoopback(const Loopback& loopback);
  void Run();
  void Accept(Door& door);
  // Whether one more connection may be served. gRPC closes connections without saying so: those that are gone are found
  // by their descriptors, which are closed or mean other files.
  static bool HasRoom(Door& door);

  Door socket_{.name = "socket"};
  Door tls_{.name = "TLS socket"};
  Door tcp_{.name = "port"};
  int wake_fd_ = -1;
  int spare_fd_ = -1;
  int port_ = 0;
  Acceptor acceptor_;
  Acceptor tls_acceptor_;
  std::thread thread_;
};

}  // namespace normlab::server
