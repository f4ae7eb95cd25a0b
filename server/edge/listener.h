// listener.h - accepts connections on a Unix socket and a loopback port and hands them to gRPC.
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
  int socket = 0;
  int tcp = 0;
};

class Listener {
 public:
  // Binds the socket (mode 0600, its directory 0700 if it has to be made) and the port. kFailedPrecondition when
  // another process serves there. A dead server's socket is replaced.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::string& socket_path,
                                                        const std::optional<Loopback>& loopback,
                                                        ConnectionLimits limits);
  // Stops, and removes the socket.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Connections wait in the kernel's queue until this is called. `acceptor` comes from the server's builder.
  void Start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor);
  void Stop();

  // The loopback port; 0: none.
  int port() const { return port_; }

 private:
  Listener() = default;
  struct Door {
    std::string_view name;  // "socket", for the log
    int fd = -1;            // that listens; -1: not asked for
    std::size_t limit = 0;
    std::map<int, ino_t> connections = {};  // descriptors handed over, with their sockets' inodes; of the thread
    bool full = false;                      // of the thread
  };

  absl::Status BindSocket(const std::string& path);
  absl::Status BindLoopback(const Loopback& loopback);
  void Run();
  void Accept(Door& door);
  // Whether one more connection may be served. gRPC closes connections without saying so: those that are gone are found
  // by their descriptors, which are closed or mean other files.
  static bool HasRoom(Door& door);

  std::string socket_path_;  // of the socket to remove; empty: none was made
  Door socket_{.name = "socket"};
  Door tcp_{.name = "port"};
  int wake_fd_ = -1;
  int spare_fd_ = -1;
  int port_ = 0;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::thread thread_;
};

}  // namespace normlab::server
