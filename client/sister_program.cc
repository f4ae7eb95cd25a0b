#include "client/sister_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/descriptor.h"
#include "base/paths.h"
#include "base/process.h"

namespace normlab::client {
namespace {

struct Pipe {
  Descriptor read_end, write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return SystemError("make a pipe", errno);
  }
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// Reads both pipes until the program has closed them, or asks it to end once `stop` is requested.
void Listen(pid_t pid, const Pipe& out, const Pipe& err, const std::stop_token& stop,
            const std::function<void(std::string_view)>& on_output, std::string& said) {
  constexpr int kLookAtStop = 50;  // milliseconds
  bool asked = false;
  pollfd events[] = {{out.read_end.get(), POLLIN, 0}, {err.read_end.get(), POLLIN, 0}};
  while (events[0].fd >= 0 || events[1].fd >= 0) {
    if (stop.stop_requested() && !std::exchange(asked, true)) {
      ::kill(pid, SIGTERM);
    }
    if (::poll(events, 2, kLookAtStop) <= 0) {
      continue;
    }
    for (pollfd& event : events) {
      if (event.fd < 0 || event.revents == 0) {
        continue;
      }
      char piece[1 << 16];
      const ssize_t n = ::read(event.fd, piece, sizeof piece);
      if (n == 0 || (n < 0 && errno != EINTR)) {
        event.fd = -1;
      } else if (&event == &events[0]) {
        on_output({piece, static_cast<std::size_t>(std::max<ssize_t>(n, 0))});
      } else {
        said.append(piece, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
      }
    }
  }
}

// "normlab-verify: why" as its message; how it ended if it said nothing.
absl::Status Explain(const std::string& program, int wait_status, std::string said) {
  constexpr int kWrongArguments = 2;
  absl::StripAsciiWhitespace(&said);
  const std::string text = said.empty() ? fmt::format("{} {}", program, DescribeExit(wait_status)) : said;
  return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kWrongArguments ? absl::InvalidArgumentError(text)
                                                                               : absl::InternalError(text);
}

}  // namespace

absl::Status RunSister(const std::string& name, const std::vector<std::string>& arguments, const std::stop_token& stop,
                       const std::function<void(std::string_view)>& on_output) {
  const std::string program = ExecutableDirectory() + "/" + name;
  if (::access(program.c_str(), X_OK) != 0) {
    return absl::UnavailableError(Message(SystemError(program, errno)) + "; it is installed beside normlab");
  }
  NORMLAB_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  NORMLAB_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  std::vector<std::string> command = {program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  NORMLAB_ASSIGN_OR_RETURN(const pid_t pid, Spawn({.argv = std::move(command),
                                                   .environment = {},
                                                   .stderr_fd = err.write_end.get(),
                                                   .stdout_fd = out.write_end.get()}));
  out.write_end.Close();  // so that the pipes end with the program
  err.write_end.Close();
  std::string said;
  Listen(pid, out, err, stop, on_output, said);
  int wait_status = 0;
  while (::waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) {
      return SystemError("wait for " + program, errno);
    }
  }
  if (stop.stop_requested()) {
    return absl::CancelledError("interrupted");
  }
  return wait_status == 0 ? absl::OkStatus() : Explain(program, wait_status, std::move(said));
}

}  // namespace normlab::client
