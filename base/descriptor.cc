#include "base/descriptor.h"

#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace normlab {
namespace {

constexpr int kLookAtStop = 50;  // milliseconds

// 0 once `fd` takes bytes.
int AwaitRoom(int fd, const std::stop_token& stop) {
  for (;;) {
    pollfd event{fd, POLLOUT, 0};
    const int ready = ::poll(&event, 1, kLookAtStop);
    if (ready > 0) {
      return 0;  // errors show at the write
    }
    if (ready < 0 && errno != EINTR) {
      return errno;
    }
    if (stop.stop_requested()) {
      return ECANCELED;
    }
  }
}

}  // namespace

int Descriptor::Close() {
  const int result = fd_ >= 0 ? ::close(fd_) : 0;
  fd_ = -1;
  return result == 0 ? 0 : errno;
}

absl::Status SystemError(std::string_view text, int error) {
  const std::string message = fmt::format("{}: {}", text, std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

int WriteAll(int fd, std::string_view data, const std::stop_token& stop) {
  struct stat info {};
  const bool waits = ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode);
  while (!data.empty()) {
    if (waits) {
      if (const int error = AwaitRoom(fd, stop); error != 0) {
        return error;
      }
    }
    // A pipe with room takes PIPE_BUF bytes without blocking; more could block where no stop is seen.
    const ssize_t n = ::write(fd, data.data(), waits ? std::min<std::size_t>(data.size(), PIPE_BUF) : data.size());
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      return errno;
    }
    data.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  return 0;
}

ReadResult ReadAt(int fd, std::uint64_t offset, std::span<char> out) {
  ReadResult result;
  while (result.bytes < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + result.bytes, out.size() - result.bytes, static_cast<off_t>(offset + result.bytes));
    if (n < 0 && errno != EINTR) {
      result.error = errno;
      break;
    }
    if (n == 0) {
      break;
    }
    result.bytes += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  }
  return result;
}

DescriptorBuffer::DescriptorBuffer(int fd, std::stop_token stop) : fd_(fd), stop_(std::move(stop)) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

int DescriptorBuffer::sync() {
  if (error_ == 0) {
    error_ = WriteAll(fd_, {pbase(), static_cast<std::size_t>(pptr() - pbase())}, stop_);
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return error_ == 0 ? 0 : -1;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type c) {
  if (sync() != 0) {
    return traits_type::eof();
  }
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(c);
    pbump(1);
  }
  return traits_type::not_eof(c);
}

bool PrintToStdout(std::string_view program, std::string_view text) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  const int error = WriteAll(STDOUT_FILENO, text);
  if (error != 0) {
    fmt::print(stderr, "{}: cannot write to stdout: {}\n", program, std::strerror(error));
  }
  return error == 0;
}

}  // namespace normlab
