// main.cc - normlabd: serves a data directory until a signal asks it to stop.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/paths.h"
#include "base/signals.h"
#include "results/judging/paper.h"
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
  const std::string socket_path = command_line.daemon.socket_path;
  auto daemon = normlab::server::Daemon::Start(std::move(command_line.daemon));
  if (!daemon.ok()) {
    fmt::print(stderr, "normlabd: {}\n", normlab::Message(daemon.status()));
    return kCannotServe;
  }
  if (command_line.print_ready) {
    fmt::print("ready {}{}\n", socket_path, (*daemon)->port() == 0 ? "" : fmt::format(" {}", (*daemon)->port()));
    std::fflush(stdout);
  }
  stop.get_future().wait();
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
    fmt::print(command_line.exit_code == 0 ? stdout : stderr, "{}", command_line.text);
    return command_line.exit_code;
  }
  return Serve(std::move(command_line));
}
