#include "client/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/process.h"

namespace normlab::client {
namespace {

constexpr std::chrono::seconds kStartPatience{60};  // opening a large store, migrating it
constexpr std::chrono::seconds kStopPatience{30};
constexpr std::chrono::milliseconds kPoll{50};

std::string LastLines(const std::string& path, std::size_t bytes) {
  const auto text = PosixFileSystem().Read(path);
  if (!text.ok() || text->empty()) {
    return "";
  }
  return text->substr(text->size() - std::min(bytes, text->size()));
}

// Tries until it has the lock; says once that it waits.
absl::StatusOr<UseLock> AwaitLock(const std::string& path, bool (UseLock::*take)(), const std::stop_token& stop,
                                  const std::function<void()>& on_wait) {
  NORMLAB_ASSIGN_OR_RETURN(UseLock lock, UseLock::Open(path, /*create=*/true));
  for (bool told = false; !(lock.*take)(); std::this_thread::sleep_for(kPoll)) {
    if (stop.stop_requested()) {
      return absl::CancelledError("interrupted");
    }
    if (!std::exchange(told, true)) {
      on_wait();
    }
  }
  return lock;
}

}  // namespace

std::vector<std::string> ServerArguments(const ServerOptions& options) {
  std::vector<std::string> arguments = {options.program, "--home", options.endpoint.Home(), "--socket",
                                        options.endpoint.Socket()};
  if (options.slots > 0) {
    arguments.insert(arguments.end(), {"--slots", std::to_string(options.slots)});
  }
  if (options.stall_seconds > 0) {
    arguments.insert(arguments.end(), {"--stall-seconds", std::to_string(options.stall_seconds)});
  }
  return arguments;
}

std::optional<ServerUse> ServerUse::Join(const Endpoint& endpoint) {
  auto lock = UseLock::Open(UsersPath(endpoint.Socket()), /*create=*/false);
  return lock.ok() && lock->TryShare() ? std::optional<ServerUse>(ServerUse(*std::move(lock))) : std::nullopt;
}

absl::StatusOr<ServerUse> ServerUse::Await(const Endpoint& endpoint, const std::stop_token& stop,
                                           const std::function<void()>& on_wait) {
  NORMLAB_ASSIGN_OR_RETURN(UseLock lock, AwaitLock(UsersPath(endpoint.Socket()), &UseLock::TryShare, stop, on_wait));
  return ServerUse(std::move(lock));
}

absl::StatusOr<UseLock> AwaitStart(const Endpoint& endpoint, const std::stop_token& stop,
                                   const std::function<void()>& on_wait) {
  return AwaitLock(endpoint.Socket() + ".start", &UseLock::TryAlone, stop, on_wait);
}

bool ServerUse::IsLast() {
  if (lock_.TryAlone()) {
    return true;
  }
  lock_.Release();
  return false;
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const ServerOptions& options, ServerUse use,
                                                                    const std::stop_token& stop) {
  const std::string home = options.endpoint.Home();
  if (::access(options.program.c_str(), X_OK) != 0) {
    return absl::UnavailableError(Message(SystemError(options.program, errno)) + "; it is installed beside normlab");
  }
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(home));
  const std::string log = home + "/normlabd.log";
  const Descriptor log_file(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  int ready[2];
  if (log_file.get() < 0 || ::pipe2(ready, O_CLOEXEC) != 0) {
    return SystemError(log, errno);
  }
  const Descriptor read_end(ready[0]);
  Descriptor write_end(ready[1]);
  std::vector<std::string> arguments = ServerArguments(options);
  arguments.insert(arguments.end(), {"--print-ready", "--while-used"});
  NORMLAB_ASSIGN_OR_RETURN(const pid_t pid, Spawn({.argv = std::move(arguments),
                                                   .environment = {},
                                                   .stderr_fd = log_file.get(),
                                                   .stdout_fd = write_end.get(),
                                                   .own_process_group = true}));
  write_end.Close();  // so that the pipe ends with the child
  std::unique_ptr<ServerProcess> server(new ServerProcess(pid, log));
  server->use_ = std::move(use);
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
      const bool in_use = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kExitHomeInUse;
      return absl::Status(
          in_use ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kUnavailable,
          fmt::format("the server could not start; it {}\n{}", DescribeExit(wait_status), LastLines(log_, 1000)));
    }
    said.append(buffer, static_cast<std::size_t>(n));
    if (said.rfind("ready ", 0) == 0 && said.find('\n') != std::string::npos) {
      return absl::OkStatus();
    }
  }
  return absl::DeadlineExceededError(fmt::format("the server does not become ready; see {}", log_));
}

bool ServerProcess::Leave() {
  if (pid_ == 0) {
    return true;
  }
  if (!use_->IsLast()) {
    pid_ = 0;  // it ends with its last user
    return false;
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
  use_.reset();
  return true;
}

ServerProcess::~ServerProcess() { Leave(); }

}  // namespace normlab::client
