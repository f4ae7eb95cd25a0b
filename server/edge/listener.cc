#include "server/edge/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/fs.h"
#include "base/log.h"

namespace normlab::server {
namespace {

constexpr int kBacklog = 256;

absl::Status SocketError(std::string_view doing, std::string_view where) {
  const std::string text = fmt::format("{} {}: {}", doing, where, std::strerror(errno));
  return errno == EADDRINUSE ? absl::FailedPreconditionError(text) : absl::UnavailableError(text);
}

int OpenSpare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

// Makes room for a socket at `path`: removes one whose server is dead.
absl::Status ClearPath(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SocketError("look at", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(fmt::format("{} exists and is not a socket; choose another --socket", path));
  }
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool served =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
  ::close(probe);
  if (served) {
    return absl::FailedPreconditionError(fmt::format("another server listens on {}; choose another --socket", path));
  }
  return ::unlink(path.c_str()) == 0 ? absl::OkStatus() : SocketError("remove", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const Places& places, ConnectionLimits limits) {
  std::unique_ptr<Listener> listener(new Listener());
  listener->socket_.limit = static_cast<std::size_t>(limits.socket);
  listener->tls_.limit = static_cast<std::size_t>(limits.socket);
  listener->tcp_.limit = static_cast<std::size_t>(limits.tcp);
  listener->wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
  listener->spare_fd_ = OpenSpare();
  NORMLAB_RETURN_IF_ERROR(BindSocket(places.socket, places.socket_mode, listener->socket_));
  if (!places.tls_socket.empty()) {
    NORMLAB_RETURN_IF_ERROR(BindSocket(places.tls_socket, 0600, listener->tls_));
  }
  if (places.loopback) {
    NORMLAB_RETURN_IF_ERROR(listener->BindLoopback(*places.loopback));
  }
  return listener;
}

absl::Status Listener::BindSocket(const std::string& path, mode_t mode, Door& door) {
  NORMLAB_ASSIGN_OR_RETURN(const sockaddr_un address, SocketAddress(path));
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(std::filesystem::path(path).parent_path().string()));
  NORMLAB_RETURN_IF_ERROR(ClearPath(path, address));
  door.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (door.fd < 0 || ::bind(door.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return SocketError("bind", path);
  }
  door.path = path;
  // Nobody can connect between bind and chmod: the socket does not listen yet.
  if (::chmod(path.c_str(), mode) != 0 || ::listen(door.fd, kBacklog) != 0) {
    return SocketError("listen on", path);
  }
  return absl::OkStatus();
}

absl::Status Listener::BindLoopback(const Loopback& loopback) {
  const bool v6 = loopback.host == "::1";
  sockaddr_storage storage{};
  socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (v6) {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(loopback.port));
    address.sin6_addr = in6addr_loopback;
  } else {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(loopback.port));
    if (::inet_pton(AF_INET, loopback.host.c_str(), &address.sin_addr) != 1) {
      return absl::InternalError(fmt::format("{} is no IPv4 address", loopback.host));
    }
  }
  const std::string where = fmt::format("{} port {}", loopback.host, loopback.port);
  tcp_.fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;  // only skips the wait after an earlier server's end; two servers on one port stay impossible
  if (tcp_.fd < 0 || ::setsockopt(tcp_.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(tcp_.fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(tcp_.fd, kBacklog) != 0 ||
      ::getsockname(tcp_.fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return SocketError("listen on", where);
  }
  port_ =
      ntohs(v6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port : reinterpret_cast<sockaddr_in&>(storage).sin_port);
  return absl::OkStatus();
}

Listener::~Listener() {
  Stop();
  for (const int fd : {socket_.fd, tls_.fd, tcp_.fd, wake_fd_, spare_fd_}) {
    if (fd >= 0) {
      ::close(fd);
    }
  }
  for (const Door* door : {&socket_, &tls_}) {
    if (!door->path.empty()) {
      ::unlink(door->path.c_str());
    }
  }
}

void Listener::Start(Acceptor acceptor, Acceptor tls) {
  acceptor_ = std::move(acceptor);
  tls_acceptor_ = std::move(tls);
  thread_ = std::thread([this] { Run(); });
}

void Listener::Stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    (void)!::write(wake_fd_, &one, sizeof one);
    thread_.join();
  }
}

void Listener::Run() {
  for (;;) {
    // poll skips fd -1
    pollfd fds[] = {{wake_fd_, POLLIN, 0}, {socket_.fd, POLLIN, 0}, {tls_.fd, POLLIN, 0}, {tcp_.fd, POLLIN, 0}};
    if (::poll(fds, 4, -1) < 0) {
      continue;
    }
    if (fds[0].revents != 0) {
      return;
    }
    if (fds[1].revents != 0) {
      Accept(socket_);
    }
    if (fds[2].revents != 0) {
      Accept(tls_);
    }
    if (fds[3].revents != 0) {
      Accept(tcp_);
    }
  }
}

bool Listener::HasRoom(Door& door) {
  if (door.connections.size() >= door.limit) {
    std::erase_if(door.connections, [](const auto& connection) {
      struct stat info {};
      return ::fstat(connection.first, &info) != 0 || info.st_ino != connection.second;
    });
  }
  const bool full = door.connections.size() >= door.limit;
  if (full && !door.full) {
    Log(LogLevel::kWarning, "connections_refused",
        {{"door", door.name}, {"open", door.connections.size()}, {"limit", door.limit}});
  }
  door.full = full;
  return !full;
}

void Listener::Accept(Door& door) {
  const int fd = ::accept4(door.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) {
      ::close(spare_fd_);
      ::close(::accept4(door.fd, nullptr, nullptr, SOCK_CLOEXEC));
      spare_fd_ = OpenSpare();
      Log(LogLevel::kWarning, "connection_dropped", {{"why", "out of file descriptors; raise the limit (ulimit -n)"}});
    }
    return;
  }
  struct stat info {};
  if (!HasRoom(door) || ::fstat(fd, &info) != 0) {
    ::close(fd);
    return;
  }
  door.connections[fd] = info.st_ino;
  if (&door == &tcp_) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = door.fd;
  connection.fd = fd;
  (&door == &tls_ ? tls_acceptor_ : acceptor_)->HandleNewConnection(&connection);
}

}  // namespace normlab::server
