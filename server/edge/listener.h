// listener.h - accepts connections on Unix sockets and a port and hands them to gRPC.
//
// gRPC 1.51's own listener stays deaf for ever after it once ran out of file descriptors (CVE-2023-4785). This one then
// closes a spare descriptor, takes and drops the connection, and goes on listening. It also keeps the connections of each
// door to a number of their own: each costs memory and a descriptor before anyone has shown a token, and strangers who
// fill the port must not lock the socket's owner out.
//
// Thread safety: Start and Stop from one thread, SocketUsers and DropGone from any; one thread of its own accepts.
#pragma once

#include <grpcpp/server_builder.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "proto/transport/address.h"

namespace normlab::server {

// Connections at a time; further ones are closed as they come.
struct ConnectionLimits {
  int socket = 0;  // of each
  int tcp = 0;
  int tcp_of_one = 0;  // of these: from one address (IPv6: one /64), unless the port is a loopback one
};

// Where to listen.
struct Places {
  std::string socket;
  mode_t socket_mode = 0600;    // of the first socket
  std::string tls_socket = {};  // for a client that speaks nothing but TLS; empty: none
  std::optional<ListenAddress> address = {};
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

  // From the server's builder.
  struct Acceptors {
    Acceptor plain;
    Acceptor children;    // of connections to the Unix socket from processes that this one started
    Acceptor tls_socket;  // of the TLS socket; null: there is none
    Acceptor port;        // of the port; null: `plain` takes its connections
  };
  // Connections wait in the kernel's queue until this is called.
  void Start(Acceptors acceptors);
  void Stop();

  // Users who have, or within the last minute had, a connection to one of the Unix sockets, each once; processes that this
  // one started are not looked at.
  std::vector<uid_t> SocketUsers() ABSL_LOCKS_EXCLUDED(mu_);
  // Notes who has left. To be called now and then: a descriptor is soon another connection's.
  void DropGone() ABSL_LOCKS_EXCLUDED(mu_);

  bool has_tls_socket() const { return tls_.fd >= 0; }
  // The port that is listened on; 0: none.
  int port() const { return port_; }

 private:
  Listener() = default;
  // One that was handed over, by its descriptor.
  struct Handed {
    ino_t inode = 0;            // of its socket
    std::optional<uid_t> user;  // of a Unix socket, unless it is a process that this one started
    std::string from;           // of the port: the address, as far as its connections are counted together
  };
  // Where a new connection goes.
  enum class Way { kServed, kServedAsChild, kRefused };
  struct Door {
    std::string_view name;  // "socket", for the log
    int fd = -1;            // that listens; -1: not asked for
    std::string path = {};  // of the socket to remove; empty: none was made
    std::size_t limit = 0;
    std::map<int, Handed> connections = {};
    bool full = false;  // of the thread
  };

  static absl::Status BindSocket(const std::string& path, mode_t mode, Door& door);
  absl::Status BindPort(const ListenAddress& address);
  void Run();
  Way Enter(Door& door, int fd, const sockaddr_storage& peer) ABSL_LOCKS_EXCLUDED(mu_);
  bool TooMany(Door& door, const std::string& from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Accept(Door& door) ABSL_LOCKS_EXCLUDED(mu_);
  // Without a descriptor left: takes a connection with the spare one and closes it, so that its client hears of it.
  void Refuse(const Door& door);
  void Rest();
  // Whether one more connection may be served. gRPC closes connections without saying so: those that are gone are found
  // by their descriptors, which are closed or mean other files.
  bool HasRoom(Door& door) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropGoneFrom(Door& door) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The acceptor of a connection that is served.
  Acceptor& AcceptorOf(const Door& door, Way way);

  Mutex mu_;                                                                          // of the doors' connections
  std::map<uid_t, std::chrono::steady_clock::time_point> left_ ABSL_GUARDED_BY(mu_);  // when a user was seen to be gone
  Door socket_{.name = "socket"};
  Door tls_{.name = "TLS socket"};
  Door tcp_{.name = "port"};
  int wake_fd_ = -1;
  int spare_fd_ = -1;
  int port_ = 0;
  bool out_of_descriptors_ = false;  // of the thread; since the last connection that could be taken
  std::size_t tcp_of_one_ = 0;       // 0: as many as there are
  Acceptors acceptors_;
  std::thread thread_;
};

}  // namespace normlab::server
