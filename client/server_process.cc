#include "client/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/fs.h"
#include "base/process.h"

namespace normlab::client {
namespace {

constexpr std::chrono::seconds kStartPatience{60};  // opening a large store, migrating it
constexpr std::chrono::seconds kStopPatience{30};
constexpr std::chrono::milliseconds kPoll{50};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void Close() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string LastLines(const std::string& path, std::size_t bytes) {
  const auto text = PosixFileSystem().Read(path);
  if (!text.ok() || text->empty()) {
    return "";
  }
  return text->substr(text->size() - std::min(bytes, text->size()));
}

}  // namespace

std::vector<std::string> ServerArguments(const ServerOptions& options) {
  std::vector<std::string> arguments = {options.program, "--home", options.endpoint.Home(), "--socket",
                                        options.endpoint.Socket()};
  if (options.slots > 0) {
    arguments.insert(arguments.end(), {"--slots", std::to_string(options.slots)});
  }
  return arguments;
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const ServerOptions& options,
                                                                    const std::stop_token& stop) {
  const std::string home = options.endpoint.Home();
  if (::access(options.program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("{}: {}; it is installed beside normlab", options.program, std::strerror(errno)));
  }
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(home));
  const std::string log = home + "/normlabd.log";
  const Descriptor log_file(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  int ready[2];
  if (log_file.get() < 0 || ::pipe2(ready, O_CLOEXEC) != 0) {
    return absl::FailedPreconditionError(fmt::format("{}: {}", log, std::strerror(errno)));
  }
  const Descriptor read_end(ready[0]);
  Descriptor write_end(ready[1]);
  std::vector<std::string> arguments = ServerArguments(options);
  arguments.emplace_back("--print-ready");
  NORMLAB_ASSIGN_OR_RETURN(const pid_t pid, Spawn({.argv = std::move(arguments),
                                                   .environment = {},
                                                   .stderr_fd = log_file.get(),
                                                   .stdout_fd = write_end.get(),
                                                   .own_process_group = true}));
  write_end.Close();  // so that the pipe ends with the child
  std::unique_ptr<ServerProcess> server(new ServerProcess(pid, log));
  NORMLAB_RETURN_IF_ERROR(server->AwaitReady(read_end.get(), stop));
  return server;
}

absl::Status ServerProcess::AwaitReady(int fd, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  std::string said;
  while (std::chrono::steady_clock::now() < deadline) {
    if (stop.stop_requested()) {
      return absl::CancelledError("interrupted");
    }
    pollfd event{fd, POLLIN, 0};
    if (::poll(&event, 1, static_cast<int>(kPoll.count())) <= 0) {
      continue;
    }
    char buffer[256];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) {
      int wait_status = 0;
      ::waitpid(pid_, &wait_status, 0);
      pid_ = 0;
      return absl::FailedPreconditionError(
          fmt::format("the server could not start; it {}\n{}", DescribeExit(wait_status), LastLines(log_, 1000)));
    }
    said.append(buffer, static_cast<std::size_t>(n));
    if (said.rfind("ready ", 0) == 0 && said.find('\n') != std::string::npos) {
      return absl::OkStatus();
    }
  }
  return absl::DeadlineExceededError(fmt::format("the server does not become ready; see {}", log_));
}

void ServerProcess::Stop() {
  if (pid_ == 0) {
    return;
  }
  ::kill(pid_, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + kStopPatience;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(pid_, SIGKILL);  // what it acknowledged is on disk
      ::waitpid(pid_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(kPoll);
  }
  pid_ = 0;
}

ServerProcess::~ServerProcess() { Stop(); }

}  // namespace normlab::client
