#include "proto/transport/token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/descriptor.h"

namespace normlab {
namespace {

constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kShortest = 32;
constexpr std::size_t kLongest = 512;  // metadata of a call is limited to 8 KiB
constexpr std::string_view kBearer = "Bearer ";

absl::Status Failed(std::string_view doing, const std::string& path, int error) {
  return SystemError(fmt::format("{} token file {}", doing, path), error);
}

// What is checked is the file that is read: both go by the descriptor.
absl::StatusOr<std::string> ReadFrom(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(fmt::format("token file {} is not a file", path));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(fmt::format("token file {} may be read by others (mode {:o}); run: chmod 600 {}",
                                                   path, info.st_mode & 0777, path));
  }
  std::array<char, kLongest + 2> bytes;
  const ReadResult read = ReadAt(fd, 0, bytes);
  if (read.error != 0) {
    return Failed("read", path, read.error);
  }
  std::string token(bytes.data(), read.bytes);
  token.erase(token.find_last_not_of(" \r\n\t") + 1);
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (token.size() < kShortest || token.size() > kLongest || !printable) {
    return absl::InvalidArgumentError(fmt::format(
        "token file {} holds {}{} characters; expected {} to {} printable ones on one line (where the server makes it: "
        "remove it and a good one is made)",
        path, token.size(), printable ? "" : " not all printable", kShortest, kLongest));
  }
  return token;
}

}  // namespace

absl::StatusOr<std::string> NewToken() {
  unsigned char bytes[kRandomBytes];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    return SystemError("random numbers for a token", errno);
  }
  std::string token;
  for (const unsigned char byte : bytes) {
    token += fmt::format("{:02x}", byte);
  }
  return token;
}

absl::Status WriteToken(const std::string& path, std::string_view token) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) {
    return errno == EEXIST ? absl::AlreadyExistsError(fmt::format("{} exists; choose another file", path))
                           : Failed("create", path, errno);
  }
  int error = WriteAll(file.get(), fmt::format("{}\n", token));
  if (error == 0 && ::fsync(file.get()) != 0) {
    error = errno;
  }
  if (error != 0) {
    ::unlink(path.c_str());
    return Failed("write", path, error);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe is refused, not waited for
  return file.get() < 0 ? Failed("open", path, errno) : ReadFrom(file.get(), path);
}

absl::StatusOr<std::string> ReadOrMakeToken(const std::string& path) {
  absl::StatusOr<std::string> token = ReadToken(path);
  if (absl::IsNotFound(token.status())) {
    NORMLAB_ASSIGN_OR_RETURN(token, NewToken());
    NORMLAB_RETURN_IF_ERROR(WriteToken(path, *token));
  }
  return token;
}

std::string AuthorizationOf(std::string_view token) { return fmt::format("{}{}", kBearer, token); }

std::string_view TokenOf(std::string_view authorization) {
  return authorization.starts_with(kBearer) ? authorization.substr(kBearer.size()) : std::string_view();
}

}  // namespace normlab
