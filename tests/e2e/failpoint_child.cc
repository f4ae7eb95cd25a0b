// failpoint_child - a server or a worker that ends itself, as by SIGKILL, when it passes a failpoint for the n-th time:
//
//     failpoint_child server HOME LEASE_SECONDS POINT N     prints "ready" once it serves
//     failpoint_child worker HOME STEPS POINT N             trains a toy; with STEPS > 0 it also dies after as many steps
//
// POINT "none": no failpoint. The process ends with the signal either way, so it says on stdout at which point it was.
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "base/failpoint.h"
#include "base/paths.h"
#include "server/daemon.h"
#include "tests/workers/toy_experiment.h"
#include "workers/session.h"

namespace normlab {
namespace {

int g_point = -1;
std::atomic<int> g_left = 0;

[[noreturn]] void Die(std::string_view where) {
  const std::string line = fmt::format("died {}\n", where);
  (void)!::write(STDOUT_FILENO, line.data(), line.size());
  ::kill(::getpid(), SIGKILL);
  for (;;) {
    ::pause();
  }
}

void DieAt(std::string_view name, int n) {
  for (std::size_t i = 0; i < std::size(kFailpointNames); ++i) {
    if (kFailpointNames[i] == name) {
      g_point = static_cast<int>(i);
      g_left = n;
      failpoint_hook = [](Failpoint point) {
        if (static_cast<int>(point) == g_point && --g_left == 0) {
          Die(kFailpointNames[static_cast<std::size_t>(g_point)]);
        }
      };
    }
  }
}

int Serve(const std::string& home, int lease_seconds) {
  server::DaemonOptions options;
  options.home = home;
  options.socket_path = SocketPath(home);
  options.slots = 0;
  options.attempts.lease = std::chrono::seconds(lease_seconds);
  const auto daemon = server::Daemon::Start(options);
  if (!daemon.ok()) {
    fmt::print(stderr, "failpoint_child: {}\n", daemon.status().ToString());
    return 1;
  }
  (void)!::write(STDOUT_FILENO, "ready\n", 6);
  for (;;) {
    ::pause();
  }
}

int Work(const std::string& home, std::uint64_t steps) {
  workers::SessionOptions options;
  options.worker = fmt::format("failpoint:{}", ::getpid());
  options.arithmetic = "AVX3/libm.1";
  options.spool_directory = home;
  options.on_stall = [] {};
  options.runner.checkpoint_interval = std::chrono::milliseconds(0);
  options.outbox.linger = std::chrono::milliseconds(1);
  options.outbox.backoff =
      options.backoff = {.first = std::chrono::milliseconds(5), .longest = std::chrono::milliseconds(50)};
  options.imported_data = [](const v1::JobSpec&, const std::vector<std::string>&) { return ""; };
  options.make_experiment = [steps](const v1::JobSpec&, const ExperimentContext&) {
    workers::ToyOptions toy;
    toy.before_step = [steps](std::uint64_t step) {
      if (steps > 0 && step == steps) {
        Die("step");
      }
    };
    return std::make_unique<workers::ToyExperiment>(toy);
  };
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  workers::ServiceClient client(
      grpc::CreateCustomChannel("unix:" + SocketPath(home), grpc::InsecureChannelCredentials(), arguments), "");
  const absl::Status status = workers::RunSession(client, options, std::stop_token());
  fmt::print(stderr, "failpoint_child: {}\n", status.ToString());
  return 1;
}

}  // namespace
}  // namespace normlab

int main(int argc, char** argv) {
  if (argc != 6) {
    return 2;
  }
  normlab::DieAt(argv[4], std::atoi(argv[5]));
  const std::string_view what = argv[1];
  return what == "server" ? normlab::Serve(argv[2], std::atoi(argv[3]))
                          : normlab::Work(argv[2], static_cast<std::uint64_t>(std::atoi(argv[3])));
}
