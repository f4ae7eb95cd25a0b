#include "client/sister_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/paths.h"
#include "base/process.h"

namespace normlab::client {
namespace {

absl::Status SystemError(std::string_view what) {
  return absl::UnavailableError(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

absl::Status RunSister(const std::string& name, const std::vector<std::string>& arguments,
                       const std::function<void(std::string_view)>& on_output) {
  const std::string program = ExecutableDirectory() + "/" + name;
  if (::access(program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("{}: {}; it is installed beside normlab", program, std::strerror(errno)));
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return SystemError("make a pipe");
  }
  std::vector<std::string> command = {program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const absl::StatusOr<pid_t> pid = Spawn({.argv = std::move(command), .environment = {}, .stdout_fd = ends[1]});
  ::close(ends[1]);
  char piece[1 << 16];
  for (ssize_t n = 0; pid.ok() && ((n = ::read(ends[0], piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR));) {
    on_output({piece, static_cast<std::size_t>(std::max<ssize_t>(n, 0))});
  }
  ::close(ends[0]);
  NORMLAB_RETURN_IF_ERROR(pid.status());
  int wait_status = 0;
  while (::waitpid(*pid, &wait_status, 0) < 0) {
    if (errno != EINTR) {
      return SystemError("wait for " + program);
    }
  }
  if (wait_status == 0) {
    return absl::OkStatus();
  }
  constexpr int kWrongArguments = 2;
  const std::string text = fmt::format("{} {}; what it said stands above", program, DescribeExit(wait_status));
  return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kWrongArguments ? absl::InvalidArgumentError(text)
                                                                               : absl::FailedPreconditionError(text);
}

}  // namespace normlab::client
