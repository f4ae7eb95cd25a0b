#include "server/edge/access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/sha256.h"

namespace normlab::server {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::string_view kBearer = "Bearer ";

absl::Status TokenError(std::string_view doing, const std::string& path) {
  return absl::UnavailableError(fmt::format("{} token file {}: {}", doing, path, std::strerror(errno)));
}

absl::StatusOr<std::string> MakeToken(const std::string& path) {
  unsigned char bytes[kTokenBytes];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    return TokenError("random numbers for", path);
  }
  std::string token;
  for (const unsigned char byte : bytes) {
    token += fmt::format("{:02x}", byte);
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return TokenError("create", path);
  }
  const std::string line = token + "\n";
  const bool written = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written) {
    ::unlink(path.c_str());
    return TokenError("write", path);
  }
  return token;
}

absl::StatusOr<std::string> ReadToken(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(fmt::format("token file {} is not a file", path));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(fmt::format("token file {} may be read by others (mode {:o}); run: chmod 600 {}",
                                                   path, info.st_mode & 0777, path));
  }
  char bytes[512];
  const ssize_t n = ::read(fd, bytes, sizeof bytes);
  if (n < 0) {
    return TokenError("read", path);
  }
  std::string token(bytes, static_cast<std::size_t>(n));
  token.erase(token.find_last_not_of(" \r\n\t") + 1);
  if (token.size() < kTokenBytes) {
    return absl::InvalidArgumentError(
        fmt::format("token file {} holds {} characters; expected at least {} (remove it and a good one is made)", path,
                    token.size(), kTokenBytes));
  }
  return token;
}

}  // namespace

absl::StatusOr<Loopback> ReadLoopback(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon == std::string_view::npos ? address.size() : colon);
  const std::string_view port_text = colon == std::string_view::npos ? "" : address.substr(colon + 1);
  Loopback loopback;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), loopback.port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || loopback.port < 0 ||
      loopback.port > 65535) {
    return absl::InvalidArgumentError(
        fmt::format("--listen {}: expected an address and a port such as 127.0.0.1:50051", address));
  }
  if (host == "127.0.0.1" || host == "localhost") {
    loopback.host = "127.0.0.1";
  } else if (host == "[::1]") {
    loopback.host = "::1";
  } else {
    return absl::InvalidArgumentError(fmt::format(
        "--listen {}: only loopback (127.0.0.1, [::1] or localhost) is served. Other machines would need TLS, which "
        "this "
        "version does not offer; let them come through an SSH tunnel to the loopback port or the socket instead",
        address));
  }
  return loopback;
}

absl::StatusOr<std::string> ReadOrMakeToken(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    return errno == ENOENT ? MakeToken(path) : TokenError("open", path);
  }
  absl::StatusOr<std::string> token = ReadToken(fd, path);
  ::close(fd);
  return token;
}

Access::Access(std::string_view token) : token_sha256_(token.empty() ? "" : Sha256Hex(token)) {}

absl::StatusOr<Principal> Access::Identify(std::string_view peer, std::string_view authorization) const {
  if (peer.starts_with("unix:")) {
    return Principal{.identity = "owner", .role = Role::kAdmin};
  }
  if (!token_sha256_.empty() && authorization.starts_with(kBearer)) {
    const std::string shown = Sha256Hex(authorization.substr(kBearer.size()));
    if (CRYPTO_memcmp(shown.data(), token_sha256_.data(), token_sha256_.size()) == 0) {
      return Principal{.identity = "token", .role = Role::kAdmin};
    }
  }
  return absl::UnauthenticatedError(
      "this port needs the server's token: metadata \"authorization: Bearer <content of the token file>\"");
}

}  // namespace normlab::server
