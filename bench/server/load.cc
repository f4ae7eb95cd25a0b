#include "bench/server/load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>  // program_invocation_short_name
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "base/descriptor.h"
#include "base/paths.h"
#include "base/process.h"
#include "tests/peak_memory.h"

namespace normlab::bench {

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double Percentile(std::vector<double>& values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(p * static_cast<double>(values.size())))];
}

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "{}: {}\n", program_invocation_short_name, why);
  std::exit(2);
}

void Must(const grpc::Status& status) {
  if (!status.ok()) {
    Die(status.error_message());
  }
}

bool Report(std::string_view what, double value, std::string_view unit, double bar, bool at_least) {
  const bool met = at_least ? value >= bar : value <= bar;
  fmt::print("{:<58} {:>12.1f} {:<9} bar {} {:<9} {}\n", what, value, unit, at_least ? ">=" : "<=", bar,
             met ? "met" : "MISSED");
  std::fflush(stdout);  // what was measured stays, should a later part be cut short
  return met;
}

namespace {

TemporaryDirectory Folder() {
  absl::StatusOr<TemporaryDirectory> folder = TemporaryDirectory::Make("normlab-bench");
  if (!folder.ok()) {
    Die(std::string(folder.status().message()));
  }
  return *std::move(folder);
}

}  // namespace

Server::Server(const std::vector<std::string>& more_arguments) : folder_(Folder()) {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) {
    Die("pipe");
  }
  std::vector<std::string> argv = {ExecutableDirectory() + "/normlabd",
                                   "--home",
                                   folder_.path(),
                                   "--no-workers",
                                   "--http",
                                   "127.0.0.1:0",
                                   "--print-ready",
                                   "--calls-per-second",
                                   "1000000"};
  argv.insert(argv.end(), more_arguments.begin(), more_arguments.end());
  const auto pid = Spawn({.argv = std::move(argv), .environment = {"NORMLAB_LOG=error"}, .stdout_fd = ready[1]});
  ::close(ready[1]);
  char byte = 0;
  if (!pid.ok() || ::read(ready[0], &byte, 1) != 1) {
    Die("normlabd did not come up");
  }
  ::close(ready[0]);
  pid_ = *pid;
}

double Server::Stop() {
  rusage used{};
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::wait4(pid_, nullptr, 0, &used);
    pid_ = -1;
  }
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double Server::CpuMs() const {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid_));
  std::string word;
  double ticks = 0;
  for (int field = 1; field <= 15 && stat >> word; ++field) {  // its name has no blank
    ticks += field >= 14 ? std::atof(word.c_str()) : 0;        // in user mode, in the kernel's
  }
  return 1000 * ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double Server::PeakMiB() const { return static_cast<double>(PeakMemory(pid_)) / (1 << 20); }

std::string Server::Post(const std::string& method, const std::string& json) const {
  std::string token;
  std::ifstream(folder_.path() + "/run/token") >> token;
  std::string door;
  std::ifstream(folder_.path() + "/run/http") >> door;
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(door.substr(door.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request = fmt::format(
      "POST /v1/{} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      method, door, token, json.size(), json);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::write(socket.get(), request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    Die("the HTTP door is closed");
  }
  std::string answer;
  std::vector<char> piece(1 << 16);
  for (ssize_t n = 0; (n = ::read(socket.get(), piece.data(), piece.size())) > 0;) {
    answer.append(piece.data(), static_cast<std::size_t>(n));
  }
  if (!answer.starts_with("HTTP/1.1 200 ")) {
    Die(answer);
  }
  return answer;
}

std::shared_ptr<grpc::Channel> Server::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix:" + SocketPath(folder_.path()), grpc::InsecureChannelCredentials(), arguments);
}

v1::CreateJobRequest Request(std::uint64_t seed) {
  v1::CreateJobRequest request;
  request.mutable_spec()->set_seed(seed);
  request.mutable_spec()->mutable_mnist_mlp();
  return request;
}

void SubmitMany(v1::JobService::Stub& jobs, std::uint64_t n) {
  for (std::uint64_t done = 0; done < n; done += 1000) {
    v1::BatchCreateJobsRequest request;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      *request.add_requests() = Request(done + i);
    }
    grpc::ClientContext context;
    v1::BatchCreateJobsResponse response;
    Must(jobs.BatchCreateJobs(&context, request, &response));
  }
}

v1::Attempt Lease(v1::WorkerService::Stub& workers) {
  for (;;) {
    grpc::ClientContext context;
    v1::LeaseRequest request;
    request.set_worker("bench:0");
    request.mutable_wait()->set_seconds(30);
    v1::LeaseResponse response;
    Must(workers.Lease(&context, request, &response));
    if (response.has_lease()) {
      return response.lease().attempt();
    }
  }
}

void Finish(v1::WorkerService::Stub& workers, const v1::Attempt& attempt) {
  grpc::ClientContext context;
  v1::FinishRequest request;
  *request.mutable_attempt() = attempt;
  request.set_outcome(v1::OUTCOME_SUCCEEDED);
  request.set_fingerprint(std::string(64, '0'));
  v1::FinishResponse response;
  Must(workers.Finish(&context, request, &response));
}

void FillColumns(std::uint64_t first, std::uint64_t points, v1::AppendPointsRequest::Columns& columns) {
  columns.clear_steps();
  columns.clear_values();
  columns.clear_wall_ms();
  for (std::uint64_t step = first; step < first + points; ++step) {
    columns.add_steps(step);
    columns.add_values(2.3 / (1.0 + static_cast<double>(step * 2654435761U % 1000)));
    columns.add_wall_ms(static_cast<std::int64_t>(1'700'000'000'000 + step * 11));
  }
}

}  // namespace normlab::bench
