// service_bench.cc - what the service promises, measured over the socket against the real normlabd, durable writes
// included.
//
//   service_bench [--seconds N]
//
// Prints one line per figure with its bar. Exit status 0: all bars met, 1: one missed, 2: the server did not come up.
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
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "base/paths.h"
#include "base/process.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/papers.grpc.pb.h"
#include "normlab/v1/worker.grpc.pb.h"
#include "tensorboard/data_provider.grpc.pb.h"

namespace normlab {
namespace {

using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double Percentile(std::vector<double>& values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(p * static_cast<double>(values.size())))];
}

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "service_bench: {}\n", why);
  std::exit(2);
}

void Must(const grpc::Status& status) {
  if (!status.ok()) {
    Die(status.error_message());
  }
}

// normlabd on a scratch home, without workers, with its HTTP door open.
class Server {
 public:
  Server() {
    std::string pattern = (std::filesystem::temp_directory_path() / "normlab-bench-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) {
      Die("pipe");
    }
    const auto pid = Spawn({.argv = {ExecutableDirectory() + "/normlabd", "--home", home_, "--no-workers", "--http",
                                     "127.0.0.1:0", "--print-ready", "--calls-per-second", "1000000"},
                            .environment = {"NORMLAB_LOG=error"},
                            .stdout_fd = ready[1]});
    ::close(ready[1]);
    char byte = 0;
    if (!pid.ok() || ::read(ready[0], &byte, 1) != 1) {
      Die("normlabd did not come up");
    }
    ::close(ready[0]);
    pid_ = *pid;
  }
  ~Server() { Stop(); }
  // The CPU seconds it used, start and stop included: a figure that other load on the machine hardly changes.
  double Stop() {
    rusage used{};
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::wait4(pid_, nullptr, 0, &used);
      std::filesystem::remove_all(home_);
      pid_ = -1;
    }
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
  }
  // The CPU milliseconds it has used so far.
  double CpuMs() const {
    std::ifstream stat(fmt::format("/proc/{}/stat", pid_));
    std::string word;
    double ticks = 0;
    for (int field = 1; field <= 15 && stat >> word; ++field) {  // its name has no blank
      ticks += field >= 14 ? std::atof(word.c_str()) : 0;        // in user mode, in the kernel's
    }
    return 1000 * ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  // The answer to a call as the page makes it, on a connection of its own.
  std::string Post(const std::string& method, const std::string& json) const {
    std::string token;
    std::ifstream(home_ + "/run/token") >> token;
    std::string door;
    std::ifstream(home_ + "/run/http") >> door;
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
  // A connection of its own.
  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + SocketPath(home_), grpc::InsecureChannelCredentials(), arguments);
  }

 private:
  std::string home_;
  pid_t pid_ = -1;
};

v1::CreateJobRequest Request(std::uint64_t seed) {
  v1::CreateJobRequest request;
  request.mutable_spec()->set_seed(seed);
  request.mutable_spec()->mutable_mnist_mlp();
  return request;
}

void Submit(v1::JobService::Stub& jobs, std::uint64_t seed) {
  grpc::ClientContext context;
  v1::CreateJobResponse response;
  Must(jobs.CreateJob(&context, Request(seed), &response));
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

bool Report(std::string_view what, double value, std::string_view unit, double bar, bool at_least) {
  const bool met = at_least ? value >= bar : value <= bar;
  fmt::print("{:<58} {:>12.1f} {:<9} bar {} {:<9} {}\n", what, value, unit, at_least ? ">=" : "<=", bar,
             met ? "met" : "MISSED");
  std::fflush(stdout);  // what was measured stays, should a later part be cut short
  return met;
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

// One trainer: batches of 100 points until the time is up.
void AppendUntil(const Server& server, Clock::time_point end, std::vector<double>& latencies) {
  const auto workers = v1::WorkerService::NewStub(server.Connect());
  v1::AppendPointsRequest request;
  *request.mutable_attempt() = Lease(*workers);
  auto& columns = *request.add_columns();
  columns.set_series("train/nll");
  for (std::uint64_t step = 0; Clock::now() < end; step += 100) {
    FillColumns(step, 100, columns);
    grpc::ClientContext context;
    v1::AppendPointsResponse response;
    const auto start = Clock::now();
    Must(workers->AppendPoints(&context, request, &response));
    latencies.push_back(MsSince(start));
  }
}

bool BenchAppend(int seconds) {
  constexpr int kClients = 16;
  Server server;
  const auto jobs = v1::JobService::NewStub(server.Connect());
  for (std::uint64_t seed = 0; seed < kClients; ++seed) {
    Submit(*jobs, seed);
  }
  std::vector<std::vector<double>> latencies(kClients);
  const auto start = Clock::now();
  {
    std::vector<std::jthread> trainers;
    for (auto& mine : latencies) {
      trainers.emplace_back([&] { AppendUntil(server, start + std::chrono::seconds(seconds), mine); });
    }
  }
  const double took = MsSince(start) / 1000;
  std::vector<double> all;
  for (const auto& mine : latencies) {
    all.insert(all.end(), mine.begin(), mine.end());
  }
  const bool rate = Report("durable points, 16 clients x 100-point batches",
                           static_cast<double>(all.size()) * 100 / took, "points/s", 150'000, true);
  fmt::print("{:<58} {:>12.1f} points/s\n", "  per second of the server's CPU time",
             static_cast<double>(all.size()) * 100 / server.Stop());
  Report("  their acknowledgement, p50", Percentile(all, 0.50), "ms", 50, false);
  return Report("  their acknowledgement, p99", Percentile(all, 0.99), "ms", 50, false) && rate;
}

// From the call of CreateJob to the moment in which a waiting worker has the lease in hand.
bool BenchSubmitToLeased() {
  constexpr std::uint64_t kJobs = 200;
  const Server server;
  const auto jobs = v1::JobService::NewStub(server.Connect());
  std::mutex mu;
  std::condition_variable changed;
  std::vector<Clock::time_point> leased;
  std::jthread worker([&] {
    const auto workers = v1::WorkerService::NewStub(server.Connect());
    for (std::uint64_t i = 0; i < kJobs; ++i) {
      const v1::Attempt attempt = Lease(*workers);
      const auto now = Clock::now();
      Finish(*workers, attempt);
      const std::lock_guard lock(mu);
      leased.push_back(now);
      changed.notify_all();
    }
  });
  std::vector<double> latencies;
  for (std::uint64_t seed = 0; seed < kJobs; ++seed) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the worker is idle and waits again
    const auto start = Clock::now();
    Submit(*jobs, seed);
    std::unique_lock lock(mu);
    changed.wait(lock, [&] { return leased.size() == seed + 1; });
    latencies.push_back(std::chrono::duration<double, std::milli>(leased.back() - start).count());
  }
  Report("submit to leased, idle worker, p50", Percentile(latencies, 0.50), "ms", 20, false);
  return Report("submit to leased, idle worker, p99", Percentile(latencies, 0.99), "ms", 20, false);
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

// What the page shows of 100,000 jobs when it is opened, and then loads at a time.
bool BenchListOfPage(const Server& server) {
  bool met = true;
  for (const int size : {100, 1000}) {
    std::vector<double> latencies;
    for (int i = 0; i < 20; ++i) {
      const auto called = Clock::now();
      server.Post("JobService/ListJobs", fmt::format("{{\"page_size\":{}}}", size));
      latencies.push_back(MsSince(called));
    }
    met = Report(fmt::format("the page's {} of 100,000 jobs as JSON, p50", size), Percentile(latencies, 0.50), "ms",
                 100, false) &&
          met;
  }
  return met;
}

bool BenchList() {
  constexpr std::uint64_t kJobs = 100'000;
  const Server server;
  const auto jobs = v1::JobService::NewStub(server.Connect());
  const auto start = Clock::now();
  SubmitMany(*jobs, kJobs);
  const bool enqueue = Report("durable submissions, batches of 1,000",
                              static_cast<double>(kJobs) / MsSince(start) * 1000, "jobs/s", 1000, true);
  std::vector<double> latencies;
  v1::ListJobsRequest request;
  request.add_states(v1::JOB_STATE_QUEUED);
  for (int i = 0; i < 400; ++i) {  // page after page, far into the list
    grpc::ClientContext context;
    v1::ListJobsResponse response;
    const auto called = Clock::now();
    Must(jobs->ListJobs(&context, request, &response));
    latencies.push_back(MsSince(called));
    request.set_page_token(response.next_page_token());
  }
  Report("page of 50 among 100,000 jobs, p50", Percentile(latencies, 0.50), "ms", 5, false);
  const bool page = Report("page of 50 among 100,000 jobs, p99", Percentile(latencies, 0.99), "ms", 5, false);
  return BenchListOfPage(server) && page && enqueue;
}

// The next job, leased and with so many points of each series.
v1::Attempt Measure(v1::WorkerService::Stub& workers, std::initializer_list<const char*> all, std::uint64_t first,
                    std::uint64_t points) {
  v1::AppendPointsRequest request;
  *request.mutable_attempt() = Lease(workers);
  for (const char* series : all) {
    auto& columns = *request.add_columns();
    columns.set_series(series);
    FillColumns(first, points, columns);
  }
  grpc::ClientContext context;
  v1::AppendPointsResponse response;
  Must(workers.AppendPoints(&context, request, &response));
  return request.attempt();
}

// What TensorBoard asks for when it draws one chart of many runs that are under way.
bool BenchTensorboard() {
  constexpr std::uint64_t kRuns = 100;
  constexpr std::uint64_t kPoints = 1000;
  const Server server;
  const auto jobs = v1::JobService::NewStub(server.Connect());
  const auto workers = v1::WorkerService::NewStub(server.Connect());
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    Submit(*jobs, seed);
    Measure(*workers, {"train/nll", "test/error"}, 0, kPoints);
  }
  const auto provider = tensorboard::data::TensorBoardDataProvider::NewStub(server.Connect());
  tensorboard::data::ReadScalarsRequest request;
  request.mutable_plugin_filter()->set_plugin_name("scalars");
  request.mutable_run_tag_filter()->mutable_tags()->add_names("train/nll");
  request.mutable_downsample()->set_num_points(kPoints);
  std::vector<double> latencies;
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    tensorboard::data::ReadScalarsResponse response;
    const auto called = Clock::now();
    Must(provider->ReadScalars(&context, request, &response));
    latencies.push_back(MsSince(called));
    if (response.runs_size() != kRuns || response.runs(0).tags(0).data().step_size() != kPoints) {
      Die("TensorBoard was not given all points");
    }
  }
  Report("TensorBoard's scalars, 100 runs x 1,000 points, p50", Percentile(latencies, 0.50), "ms", 300, false);
  return Report("TensorBoard's scalars, 100 runs x 1,000 points, slowest", Percentile(latencies, 1), "ms", 300, false);
}

// A figure as the page draws it: 18 runs of Figure 6 with all their points.
bool BenchFigure() {
  constexpr const char* kItem = R"({"paper_id":"layer-norm-2016","item_id":"mnist","budget":"quick","curves":true})";
  const Server server;
  const auto channel = server.Connect();
  const auto jobs = v1::JobService::NewStub(channel);
  const auto workers = v1::WorkerService::NewStub(channel);
  v1::PlanReproductionRequest plan;
  plan.set_paper_id("layer-norm-2016");
  plan.add_item_ids("mnist");
  plan.set_budget("quick");
  grpc::ClientContext planning;
  v1::PlanReproductionResponse planned;
  Must(v1::PaperService::NewStub(channel)->PlanReproduction(&planning, plan, &planned));
  for (const auto& run : planned.runs()) {
    v1::CreateJobRequest create;
    *create.mutable_spec() = run.spec();
    create.set_force(true);
    grpc::ClientContext creating;
    v1::CreateJobResponse created;
    Must(jobs->CreateJob(&creating, create, &created));
    Finish(*workers, Measure(*workers, {"train/nll", "train/pass", "test/error"}, 1, 4000));
  }
  std::vector<double> latencies;
  const double before = server.CpuMs();
  for (int i = 0; i < 20; ++i) {
    const auto called = Clock::now();
    server.Post("PaperService/GetFigure", kItem);
    latencies.push_back(MsSince(called));
  }
  const double cpu = (server.CpuMs() - before) / 20;
  const std::string what = fmt::format("a figure of {} runs as the page draws it", planned.runs_size());
  Report(what + ", first", latencies.front(), "ms", 150, false);
  fmt::print("{:<58} {:>12.1f} ms\n", "  of the server's CPU time", cpu);
  return Report(what + ", p50", Percentile(latencies, 0.50), "ms", 150, false);
}

int Main(int argc, char** argv) {
  const int seconds = argc == 3 && std::string_view(argv[1]) == "--seconds" ? std::atoi(argv[2]) : 5;
  const bool append = BenchAppend(seconds);
  const bool submit = BenchSubmitToLeased();
  const bool tensorboard = BenchTensorboard();
  const bool figure = BenchFigure();
  const bool list = BenchList();
  return append && submit && tensorboard && figure && list ? 0 : 1;
}

}  // namespace
}  // namespace normlab

int main(int argc, char** argv) { return normlab::Main(argc, argv); }
