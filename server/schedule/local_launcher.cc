#include "server/schedule/local_launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>

#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "proto/transport/token.h"

namespace normlab::server {
namespace {

constexpr std::chrono::milliseconds kPollPause{50};    // between looks for the end of a worker without a descriptor
constexpr std::chrono::milliseconds kKillGrace{1000};  // between SIGKILL times: a killed process needs a moment

// Threads of OpenMP that wait for work sleep instead of spinning, unless the user wants otherwise: the server, its
// clients and the other workers share the cores.
std::vector<std::string> WorkerEnvironment(const std::string& credential) {
  constexpr const char* kWaitPolicy = "OMP_WAIT_POLICY";
  std::vector<std::string> environment = {fmt::format("{}={}", kWorkerCredential, credential)};
  if (std::getenv(kWaitPolicy) == nullptr) {
    environment.push_back(fmt::format("{}=passive", kWaitPolicy));
  }
  return environment;
}

std::string MakeIdPrefix() {
  std::random_device random;
  return fmt::format("local-{:08x}{:08x}-", random(), random());
}

// glibc 2.36 declares no C linkage for its own.
int OpenPidFd(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

// Leaves the process to be collected.
bool HasEnded(int pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

void CloseFd(int& fd) {
  if (fd >= 0) {
    ::close(fd);
    fd = -1;
  }
}

}  // namespace

LocalLauncher::LocalLauncher(LocalLauncherOptions options)
    : options_(std::move(options)), id_prefix_(MakeIdPrefix()), wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LocalLauncher::~LocalLauncher() {
  Stop(std::chrono::milliseconds(0));
  CloseFd(wake_fd_);
}

absl::Status LocalLauncher::Start() {
  if (::access(options_.argv.at(0).c_str(), X_OK) != 0) {
    return absl::NotFoundError(
        fmt::format("worker program {}: {}; install it there, or use --no-workers and start workers "
                    "by hand",
                    options_.argv[0], std::strerror(errno)));
  }
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(options_.log_directory));
  for (int i = 0; i < options_.slots; ++i) {
    Slot slot;
    slot.log_path = fmt::format("{}/worker-{}.log", options_.log_directory, i + 1);
    slots_.push_back(std::move(slot));
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void LocalLauncher::Stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) {
    return;
  }
  {
    MutexLock lock(mu_);
    stopping_ = true;
    kill_time_ = Clock::now() + grace;
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
  thread_.join();
}

void LocalLauncher::Run() {
  for (;;) {
    Wind();
    if (winding_ && !AnyAlive()) {
      break;
    }
    StartDue();
    WaitForEvents();
  }
  for (Slot& slot : slots_) {
    CloseFd(slot.log_fd);
  }
}

void LocalLauncher::Wind() {
  bool begin = false;
  {
    MutexLock lock(mu_);
    begin = stopping_ && !winding_;
    if (begin) {
      kill_at_ = kill_time_;
    }
  }
  if (begin) {
    winding_ = true;
    SignalAll(SIGTERM);
  }
  if (winding_ && Clock::now() >= kill_at_) {
    SignalAll(SIGKILL);
    kill_at_ = Clock::now() + kKillGrace;
  }
}

void LocalLauncher::StartDue() {
  for (Slot& slot : slots_) {
    if (winding_ || slot.pid != 0 || Clock::now() < slot.next_start) {
      continue;
    }
    if (const absl::Status status = StartOne(slot); !status.ok()) {
      slot.pause = std::clamp(slot.pause * 2, options_.first_pause, options_.longest_pause);
      slot.next_start = Clock::now() + slot.pause;
      Log(LogLevel::kError, "worker_not_started", {{"error", Message(status)}});
    }
  }
}

absl::StatusOr<int> LocalLauncher::SpawnWorker(const std::string& worker_id, int output_fd) const {
  absl::StatusOr<pid_t> pid = Spawn({.argv = options_.argv,
                                     .environment = WorkerEnvironment(options_.on_start(worker_id)),
                                     .stderr_fd = output_fd,
                                     .stdout_fd = output_fd,
                                     .own_process_group = true});
  if (!pid.ok()) {
    options_.on_exit(worker_id, "could not be started", true);
  }
  return pid;
}

absl::Status LocalLauncher::StartOne(Slot& slot) {
  OpenLog(slot);
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) {
    return absl::UnavailableError(fmt::format("pipe: {}", std::strerror(errno)));
  }
  slot.worker_id = fmt::format("{}{}", id_prefix_, ++started_);
  // Says whose the lines behind it are (job_log.h), however little the worker itself logs.
  WriteLog(slot, LogText(LogLevel::kInfo, "worker_starts", {{"worker", slot.worker_id}}));
  const absl::StatusOr<int> pid = SpawnWorker(slot.worker_id, pipe[1]);
  ::close(pipe[1]);
  if (!pid.ok()) {
    ::close(pipe[0]);
    return pid.status();
  }
  ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  slot.pid = *pid;
  slot.pid_fd = options_.open_pid_fd ? options_.open_pid_fd(*pid) : OpenPidFd(*pid);
  if (slot.pid_fd < 0) {
    Log(LogLevel::kWarning, "worker_is_polled", {{"pid", *pid}, {"why", std::strerror(errno)}});
  }
  slot.pipe_fd = pipe[0];
  slot.started = Clock::now();
  Log(LogLevel::kInfo, "worker_started", {{"worker", slot.worker_id}, {"pid", *pid}, {"log", slot.log_path}});
  return absl::OkStatus();
}

void LocalLauncher::WaitForEvents() {
  std::vector<pollfd> fds = {{wake_fd_, POLLIN, 0}};
  auto wake = Clock::time_point::max();
  for (const Slot& slot : slots_) {
    fds.push_back({slot.pid_fd, POLLIN, 0});
    fds.push_back({slot.pipe_fd, POLLIN, 0});
    if (slot.pid == 0 && !winding_) {
      wake = std::min(wake, slot.next_start);
    }
    if (IsPolled(slot)) {
      wake = std::min(wake, Clock::now() + kPollPause);
    }
  }
  if (winding_) {
    wake = std::min(wake, kill_at_);
  }
  int timeout = -1;
  if (wake != Clock::time_point::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  if (::poll(fds.data(), fds.size(), timeout) < 0) {
    return;
  }
  std::uint64_t drained = 0;
  (void)!::read(wake_fd_, &drained, sizeof drained);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (fds[2 * i + 2].revents != 0) {
      CopyLog(slots_[i]);
    }
    if (fds[2 * i + 1].revents != 0 || (IsPolled(slots_[i]) && HasEnded(slots_[i].pid))) {
      Collect(slots_[i]);
    }
  }
}

void LocalLauncher::OpenLog(Slot& slot) {
  if (slot.log_fd >= 0) {
    return;
  }
  slot.log_fd = ::open(slot.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat info {};
  slot.log_bytes = slot.log_fd >= 0 && ::fstat(slot.log_fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

void LocalLauncher::CopyLog(Slot& slot) {
  char piece[16 * 1024];
  const ssize_t n = ::read(slot.pipe_fd, piece, sizeof piece);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) {
      CloseFd(slot.pipe_fd);
    }
    return;
  }
  WriteLog(slot, std::string_view(piece, static_cast<std::size_t>(n)));
}

void LocalLauncher::WriteLog(Slot& slot, std::string_view text) {
  if (slot.log_bytes + text.size() > options_.max_log_bytes) {
    CloseFd(slot.log_fd);
    ::rename(slot.log_path.c_str(), (slot.log_path + ".1").c_str());
    OpenLog(slot);
  }
  (void)!::write(slot.log_fd, text.data(), text.size());  // a full disk must not stop the worker
  slot.log_bytes += text.size();
}

void LocalLauncher::Collect(Slot& slot) {
  while (slot.pipe_fd >= 0) {  // what it wrote last; a grandchild that holds the pipe open ends this with EAGAIN
    const std::uint64_t before = slot.log_bytes;
    CopyLog(slot);
    if (slot.log_bytes == before) {
      CloseFd(slot.pipe_fd);
    }
  }
  int status = 0;
  ::waitpid(slot.pid, &status, 0);
  CloseFd(slot.pid_fd);
  const int pid = slot.pid;
  slot.pid = 0;
  const std::string why = fmt::format("worker process {} {}", pid, DescribeExit(status));
  const bool early = Clock::now() - slot.started < options_.long_life;
  slot.pause =
      early ? std::clamp(slot.pause * 2, options_.first_pause, options_.longest_pause) : std::chrono::milliseconds(0);
  slot.next_start = Clock::now() + slot.pause;
  Log(winding_ ? LogLevel::kInfo : LogLevel::kWarning, "worker_ended",
      {{"worker", slot.worker_id}, {"pid", pid}, {"how", DescribeExit(status)}, {"log", slot.log_path}});
  options_.on_exit(slot.worker_id, why, winding_);
}

bool LocalLauncher::AnyAlive() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.pid != 0; });
}

void LocalLauncher::SignalAll(int signal) {
  for (const Slot& slot : slots_) {
    if (slot.pid != 0) {
      ::kill(slot.pid, signal);
    }
  }
}

}  // namespace normlab::server
