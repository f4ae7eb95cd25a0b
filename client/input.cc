#include "client/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"
#include "proto/check_text.h"

namespace normlab::client {
namespace {

// The error of open(2) or read(2), 0 if none.
int ReadAll(int fd, std::string& text, const std::stop_token& stop) {
  constexpr int kLookAtStop = 50;  // milliseconds
  char piece[1 << 16];
  for (;;) {
    pollfd event{fd, POLLIN, 0};
    if (::poll(&event, 1, kLookAtStop) == 0) {
      if (stop.stop_requested()) {
        return ECANCELED;
      }
      continue;
    }
    const ssize_t n = ::read(fd, piece, sizeof piece);
    if (n == 0) {
      return 0;
    }
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      return errno;
    }
    text.append(piece, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
}

}  // namespace

absl::StatusOr<std::string> ReadText(const std::string& argument, const std::string& path,
                                     const std::stop_token& stop) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "stdin" : path;
  // A FIFO opens at once, and is waited for like stdin.
  const Descriptor file(is_stdin ? -1 : ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  std::string text;
  const int error = !is_stdin && file.get() < 0 ? errno : ReadAll(is_stdin ? STDIN_FILENO : file.get(), text, stop);
  if (error == ECANCELED) {
    return absl::CancelledError("interrupted");
  }
  if (error != 0) {
    return absl::InvalidArgumentError(fmt::format("{}: cannot read {}: {}", argument, name, std::strerror(error)));
  }
  if (const auto complaint = NotUtf8(text)) {
    return absl::InvalidArgumentError(fmt::format("{}: {} {}", argument, name, *complaint));
  }
  return text;
}

}  // namespace normlab::client
