#include "base/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "base/process.h"

namespace normlab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLook = 20;  // ms between looks at the clock and at whether the program has ended
constexpr int kPieces =
    16;  // read at a time: more than a pipe holds, and a program that never pauses is still looked at

struct Stream {
  Descriptor read_end;
  std::string* text;

  // False at the end of the stream.
  bool Drain() {
    std::array<char, 16 * 1024> piece;
    for (int i = 0; i < kPieces; ++i) {
      const ssize_t n = ::read(read_end.get(), piece.data(), piece.size());
      if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
      }
      text->append(piece.data(), static_cast<std::size_t>(n));
    }
    return true;
  }
};

class Running {
 public:
  explicit Running(const Command& command) : command_(command), deadline_(Clock::now() + command.patience) {}

  absl::Status Start() {
    NORMLAB_ASSIGN_OR_RETURN(Descriptor out, Open(out_, result_.out));
    NORMLAB_ASSIGN_OR_RETURN(Descriptor err, Open(err_, result_.err));
    NORMLAB_ASSIGN_OR_RETURN(pid_, Spawn({.argv = command_.argv,
                                          .environment = {},
                                          .stderr_fd = err.get(),
                                          .stdout_fd = out.get(),
                                          .own_process_group = true}));
    return absl::OkStatus();
  }

  absl::StatusOr<CommandResult> Finish() {
    while (!Ended()) {
      if (absl::Status why = Fault(); !why.ok()) {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        return why;
      }
      std::array<pollfd, 2> fds = {{{out_.read_end.get(), POLLIN, 0}, {err_.read_end.get(), POLLIN, 0}}};
      ::poll(fds.data(), fds.size(), kLook);
      Take(out_);
      Take(err_);
    }
    // What it wrote last. A program that it left behind may hold the streams open, and is not waited for.
    Take(out_);
    Take(err_);
    return std::move(result_);
  }

 private:
  static absl::StatusOr<Descriptor> Open(Stream& stream, std::string& text) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) {
      return absl::UnavailableError(fmt::format("pipe: {}", std::strerror(errno)));
    }
    ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
    stream = {Descriptor(pipe[0]), &text};
    return Descriptor(pipe[1]);
  }

  static void Take(Stream& stream) {
    if (stream.read_end.get() >= 0 && !stream.Drain()) {
      stream.read_end = Descriptor();
    }
  }

  bool Ended() { return ::waitpid(pid_, &result_.wait_status, WNOHANG) == pid_; }

  // Why it is not waited for any longer.
  absl::Status Fault() const {
    const std::string& name = command_.argv[0];
    if (std::max(result_.out.size(), result_.err.size()) > command_.most_output) {
      return absl::ResourceExhaustedError(fmt::format("{} said more than {} bytes", name, command_.most_output));
    }
    if (command_.given_up && command_.given_up()) {
      return absl::CancelledError(fmt::format("{} was given up", name));
    }
    return Clock::now() < deadline_ ? absl::OkStatus()
                                    : absl::DeadlineExceededError(
                                          fmt::format("{} did not end within {} ms", name, command_.patience.count()));
  }

  const Command& command_;
  const Clock::time_point deadline_;
  CommandResult result_;
  Stream out_;
  Stream err_;
  pid_t pid_ = -1;
};

}  // namespace

absl::StatusOr<CommandResult> RunCommand(const Command& command) {
  Running running(command);
  NORMLAB_RETURN_IF_ERROR(running.Start());
  return running.Finish();
}

}  // namespace normlab
