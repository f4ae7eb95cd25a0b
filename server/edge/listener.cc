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

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/fs.h"
#include "base/log.h"

namespace normlab::server {
namespace {

constexpr int kBacklog = 256;
constexpr int kRestMs = 100;  // between two tries to take a connection without a descriptor or memory

absl::Status SocketError(std::string_view doing, std::string_view where) {
  const std::string text = fmt::format("{} {}: {}", doing, where, std::strerror(errno));
  return errno == EADDRINUSE ? absl::FailedPreconditionError(text) : absl::UnavailableError(text);
}

int OpenSpare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

// The parent of a process; 0: it is gone.
pid_t ParentOf(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  const std::size_t name = text.rfind(')');  // of the program, which may hold anything
  return name == std::string::npos || name + 4 > text.size() ? 0 : std::atoi(text.c_str() + name + 4);
}

constexpr std::chrono::minutes kRemembered{1};  // longer than any call that changes something takes

// Whose process is at the other end of a Unix socket; absent for a process that this one started, and one that cannot be told.
std::optional<uid_t> UserOf(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0 ||
      ParentOf(peer.pid) == ::getpid()) {
    return std::nullopt;
  }
  return peer.uid;
}

// What one machine, or one household, has: an IPv4 address, a /64 of IPv6. Empty: no such address.
std::string NetworkOf(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
    return {reinterpret_cast<const char*>(&address), sizeof address};
  }
  if (peer.ss_family != AF_INET6) {
    return "";
  }
  const auto& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  const auto* bytes = reinterpret_cast<const char*>(&address);
  return IN6_IS_ADDR_V4MAPPED(&address) ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

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
  listener->tcp_of_one_ = static_cast<std::size_t>(limits.tcp_of_one);
  if (places.address) {
    NORMLAB_RETURN_IF_ERROR(listener->BindPort(*places.address));
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

absl::Status Listener::BindPort(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  sockaddr_storage storage{};
  storage.ss_family = v6 ? AF_INET6 : AF_INET;
  socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  auto& in4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
  (v6 ? in6.sin6_port : in4.sin_port) = htons(static_cast<std::uint16_t>(address.port));
  void* const number = v6 ? static_cast<void*>(&in6.sin6_addr) : static_cast<void*>(&in4.sin_addr);
  if (::inet_pton(storage.ss_family, address.host.c_str(), number) != 1) {
    return absl::InternalError(fmt::format("{} is no address", address.host));
  }
  const std::string where = fmt::format("{} port {}", address.host, address.port);
  tcp_.fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;  // only skips the wait after an earlier server's end; two servers on one port stay impossible
  if (tcp_.fd < 0 || ::setsockopt(tcp_.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(tcp_.fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(tcp_.fd, kBacklog) != 0 ||
      ::getsockname(tcp_.fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return SocketError("listen on", where);
  }
  port_ = ntohs(v6 ? in6.sin6_port : in4.sin_port);
  tcp_of_one_ = address.loopback ? 0 : tcp_of_one_;
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

void Listener::Start(Acceptors acceptors) {
  acceptors_ = std::move(acceptors);
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

void Listener::DropGoneFrom(Door& door) {
  const auto now = std::chrono::steady_clock::now();
  for (auto connection = door.connections.begin(); connection != door.connections.end();) {
    const auto& [fd, handed] = *connection;
    struct stat info {};
    if (::fstat(fd, &info) == 0 && info.st_ino == handed.inode) {
      ++connection;
      continue;
    }
    if (handed.user) {
      left_[*handed.user] = now;
    }
    connection = door.connections.erase(connection);
  }
}

void Listener::DropGone() {
  const MutexLock lock(mu_);
  for (Door* door : {&socket_, &tls_}) {  // whose callers are users of this machine
    DropGoneFrom(*door);
  }
  std::erase_if(left_,
                [now = std::chrono::steady_clock::now()](const auto& user) { return now - user.second > kRemembered; });
}

std::vector<uid_t> Listener::SocketUsers() {
  DropGone();
  std::set<uid_t> users;
  const MutexLock lock(mu_);
  for (const auto& [user, when] : left_) {
    users.insert(user);
  }
  for (const Door* door : {&socket_, &tls_}) {
    for (const auto& [fd, connection] : door->connections) {
      if (connection.user) {
        users.insert(*connection.user);
      }
    }
  }
  return {users.begin(), users.end()};
}

bool Listener::HasRoom(Door& door) {
  if (door.connections.size() >= door.limit) {
    DropGoneFrom(door);
  }
  const bool full = door.connections.size() >= door.limit;
  if (full && !door.full) {
    Log(LogLevel::kWarning, "connections_refused",
        {{"door", door.name}, {"open", door.connections.size()}, {"limit", door.limit}});
  }
  door.full = full;
  return !full;
}

// Of the port: one address must not take all places.
bool Listener::TooMany(Door& door, const std::string& from) {
  if (from.empty() || tcp_of_one_ == 0) {
    return false;
  }
  const auto full = [&] {
    const auto n = std::count_if(door.connections.begin(), door.connections.end(),
                                 [&from](const auto& connection) { return connection.second.from == from; });
    return static_cast<std::size_t>(n) >= tcp_of_one_;
  };
  if (!full()) {
    return false;
  }
  DropGoneFrom(door);
  return full();
}

Listener::Way Listener::Enter(Door& door, int fd, const sockaddr_storage& peer) {
  struct stat info {};
  const std::optional<uid_t> user = &door == &tcp_ ? std::nullopt : UserOf(fd);
  const bool child = &door != &tcp_ && !user;
  const MutexLock lock(mu_);
  const std::string from = NetworkOf(peer);
  if (!HasRoom(door) || TooMany(door, from) || ::fstat(fd, &info) != 0 || (child && &door == &tls_)) {
    return Way::kRefused;
  }
  if (const auto before = door.connections.find(fd); before != door.connections.end() && before->second.user) {
    left_[*before->second.user] = std::chrono::steady_clock::now();
  }
  door.connections[fd] = {.inode = info.st_ino, .user = user, .from = from};
  return child ? Way::kServedAsChild : Way::kServed;
}

Listener::Acceptor& Listener::AcceptorOf(const Door& door, Way way) {
  if (&door == &tls_) {
    return acceptors_.tls_socket;
  }
  if (&door == &tcp_ && acceptors_.port != nullptr) {
    return acceptors_.port;
  }
  return way == Way::kServedAsChild ? acceptors_.children : acceptors_.plain;
}

void Listener::Refuse(const Door& door) {
  if (!out_of_descriptors_) {
    Log(LogLevel::kWarning, "connections_dropped", {{"why", "out of file descriptors; raise the limit (ulimit -n)"}});
  }
  out_of_descriptors_ = true;
  ::close(spare_fd_);
  const int refused = ::accept4(door.fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (refused >= 0) {
    ::close(refused);
    spare_fd_ = OpenSpare();
    return;
  }
  spare_fd_ = OpenSpare();
  Rest();  // another thread was faster
}

// The connection still waits, and without a rest poll would return with it at once, for ever.
void Listener::Rest() {
  pollfd wake{wake_fd_, POLLIN, 0};
  ::poll(&wake, 1, kRestMs);
}

void Listener::Accept(Door& door) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int fd = ::accept4(door.fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) {
      Refuse(door);
    } else if (errno == ENOBUFS || errno == ENOMEM) {
      Rest();
    }
    return;
  }
  out_of_descriptors_ = false;
  const Way way = Enter(door, fd, peer);
  if (way == Way::kRefused) {
    ::close(fd);
    return;
  }
  if (&door == &tcp_) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = door.fd;
  connection.fd = fd;
  AcceptorOf(door, way)->HandleNewConnection(&connection);
}

}  // namespace normlab::server
