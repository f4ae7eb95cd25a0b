// main.cc - normlabd: serves a data directory until a signal asks it to stop.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/service_manager.h"
#include "base/signals.h"
#include "base/use_lock.h"
#include "results/judging/paper.h"
#include "results/store/backup.h"
#include "server/daemon.h"
#include "server/options.h"

namespace {

constexpr int kCannotServe = 1;
constexpr int kCutShort = 3;
constexpr int kStoreFailed = 4;
constexpr std::chrono::seconds kLongestStop{25};

// Ends the process if stopping hangs: what was acknowledged is on disk anyway.
void StartWatchdog() {
  std::thread([] {
    std::this_thread::sleep_for(kLongestStop);
    normlab::Log(normlab::LogLevel::kError, "stop_took_too_long", {{"seconds", kLongestStop.count()}});
    ::_exit(kCutShort);
  }).detach();
}

// As many descriptors as the system allows: each connection needs one.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// Returns when a signal asks for it or the last user has gone; in that case nobody can become one before this process has
// ended.
void AwaitStop(const std::future<void>& stop, std::optional<normlab::UseLock>& users) {
  constexpr std::chrono::milliseconds kLookForUsers{100};
  while (stop.wait_for(kLookForUsers) != std::future_status::ready) {
    if (users && users->TryAlone()) {
      return;
    }
  }
}

// What was asked for on stdout once the daemon serves.
void Announce(const normlab::server::Daemon& daemon, const normlab::server::CommandLine& asked,
              const std::string& socket_path) {
  if (asked.print_ready) {
    const std::string port = daemon.port() == 0 ? "" : fmt::format(" {}", daemon.port());
    normlab::PrintToStdout("normlabd", fmt::format("ready {}{}\n", socket_path, port));
  }
  if (asked.print_link) {
    const absl::StatusOr<std::string> link = daemon.PageLink();
    if (link.ok()) {
      normlab::PrintToStdout("normlabd", *link + "\n");
    } else {
      fmt::print(stderr, "normlabd: no link to the page: {}\n", normlab::Message(link.status()));
    }
  }
}

// Says how far it is every few seconds: a store may be large.
int Restore(const std::string& backup, const std::string& home) {
  static constexpr std::chrono::seconds kPace{2};
  ::umask(0077);
  auto due = std::chrono::steady_clock::now() + kPace;
  const auto restored = normlab::store::RestoreBackup(
      normlab::PosixFileSystem(), backup, home, [&due](const normlab::store::UpkeepProgress& progress) {
        if (const auto now = std::chrono::steady_clock::now(); now >= due && progress.total > 0) {
          due = now + kPace;
          normlab::PrintToStdout("normlabd", fmt::format("{} of {} MB\n", progress.done >> 20, progress.total >> 20));
        }
        return true;
      });
  if (!restored.ok()) {
    fmt::print(stderr, "normlabd: {}\n", normlab::Message(restored.status()));
    return kCannotServe;
  }
  normlab::PrintToStdout("normlabd", fmt::format("{} job{} of {} in {}\n", restored->jobs,
                                                 restored->jobs == 1 ? "" : "s", restored->name, home));
  return 0;
}

int Serve(normlab::server::CommandLine command_line) {
  ::umask(0077);
  RaiseFileLimit();
  std::promise<void> stop;
  std::once_flag stopped;
  const auto stop_once = [&] { std::call_once(stopped, [&stop] { stop.set_value(); }); };
  const normlab::SignalThread signals([&stop_once](int count) {
    if (count > 1) {
      ::_exit(kCutShort);
    }
    stop_once();
  });
  command_line.daemon.papers = &normlab::judging::BuiltInPapers();
  command_line.daemon.on_failure = stop_once;
  command_line.daemon.log_to_home = true;
  const std::string socket_path = command_line.daemon.socket_path;
  std::optional<normlab::UseLock> users;
  if (command_line.while_used) {
    auto lock = normlab::UseLock::Open(normlab::UsersPath(socket_path), /*create=*/true);
    if (!lock.ok()) {
      fmt::print(stderr, "normlabd: {}\n", normlab::Message(lock.status()));
      return kCannotServe;
    }
    users = *std::move(lock);
  }
  auto daemon = normlab::server::Daemon::Start(std::move(command_line.daemon));
  if (!daemon.ok()) {
    fmt::print(stderr, "normlabd: {}\n", normlab::Message(daemon.status()));
    return absl::IsAlreadyExists(daemon.status()) ? normlab::kExitHomeInUse : kCannotServe;
  }
  Announce(**daemon, command_line, socket_path);
  normlab::TellServiceManager("READY=1");
  AwaitStop(stop.get_future(), users);
  normlab::TellServiceManager("STOPPING=1");
  StartWatchdog();
  (*daemon)->Stop();
  const absl::Status failure = (*daemon)->failure();
  daemon->reset();
  if (!failure.ok()) {
    fmt::print(stderr,
               "normlabd: {}. What was acknowledged is on disk. See to the disk, then start normlabd again: jobs go on "
               "from their checkpoints\n",
               normlab::Message(failure));
    return kStoreFailed;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  normlab::server::CommandLine command_line =
      normlab::server::ReadCommandLine(argc, argv, normlab::ExecutableDirectory());
  if (command_line.done) {
    if (command_line.exit_code == 0) {
      return normlab::PrintToStdout("normlabd", command_line.text) ? 0 : kCannotServe;
    }
    fmt::print(stderr, "{}", command_line.text);
    return command_line.exit_code;
  }
  if (!command_line.restore.empty()) {
    return Restore(command_line.restore, command_line.daemon.home);
  }
  return Serve(std::move(command_line));
}
