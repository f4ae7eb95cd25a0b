// fleet_bench.cc - a cluster's worth of workers on one server: the real normlabd, and here what 2,000 workers would send it.
//
//   fleet_bench [--workers N] [--seconds N]
//
// Each worker sends 100 points a second in one call, a heartbeat every 10 seconds, a checkpoint of 64 KiB every 30, and has done
// a job after 30, whereupon it takes the next. They begin spread over a second. Points are acknowledged when they are on disk.
// Calls go out on as many connections as the server takes from one socket (workers of a real cluster have one each), from so many
// threads that a slow call delays few others; what is late is sent late, so that the rate that is printed is the server's.
//
// Prints one line per figure with its bar. Exit status 0: all bars met, 1: one missed, 2: a call failed.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <queue>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/crc32c.h"
#include "bench/server/load.h"

namespace normlab::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPointsEvery{1'000};
constexpr milliseconds kHeartbeatEvery{10'000};
constexpr milliseconds kCheckpointEvery{30'000};
constexpr milliseconds kJobTakes{30'000};
constexpr std::uint64_t kPointsOfACall = 100;
constexpr std::size_t kCheckpointBytes = 64 << 10;
constexpr std::size_t kThreads = 120;  // below the number of calls that may wait for a job
constexpr std::size_t kConnections = 128;

// What was measured, in milliseconds.
struct Figures {
  std::vector<double> leases, points, heartbeats, checkpoints;
  std::uint64_t finished = 0;

  void Add(const Figures& other) {
    for (auto part : {&Figures::leases, &Figures::points, &Figures::heartbeats, &Figures::checkpoints}) {
      (this->*part).insert((this->*part).end(), (other.*part).begin(), (other.*part).end());
    }
    finished += other.finished;
  }
};

// One simulated worker: at each turn it does what is due.
class Worker {
 public:
  Worker(v1::WorkerService::Stub& stub, Clock::time_point begin) : stub_(stub), due_(begin) {
    request_.add_columns()->set_series("train/nll");
  }

  Clock::time_point due() const { return due_; }

  void Turn(Figures& figures) {
    if (!has_job_) {
      Take(figures);
    }
    if (due_ >= heartbeat_) {
      Beat(figures);
    }
    if (due_ >= checkpoint_) {
      PutCheckpoint(figures);
    }
    Append(figures);
    if (due_ >= done_) {
      Finish(stub_, attempt_);
      ++figures.finished;
      has_job_ = false;
    }
    due_ += kPointsEvery;
  }

 private:
  void Take(Figures& figures) {
    const auto start = Clock::now();
    attempt_ = Lease(stub_);
    figures.leases.push_back(MsSince(start));
    has_job_ = true;
    step_ = 0;
    heartbeat_ = due_ + kHeartbeatEvery;
    checkpoint_ = due_ + kCheckpointEvery / 2;
    done_ = due_ + kJobTakes;
  }

  void Append(Figures& figures) {
    *request_.mutable_attempt() = attempt_;
    FillColumns(step_, kPointsOfACall, *request_.mutable_columns(0));
    step_ += kPointsOfACall;
    grpc::ClientContext context;
    v1::AppendPointsResponse response;
    const auto start = Clock::now();
    Must(stub_.AppendPoints(&context, request_, &response));
    figures.points.push_back(MsSince(start));
    if (response.stored() != kPointsOfACall) {
      Die(fmt::format("{} of {} points were stored", response.stored(), kPointsOfACall));
    }
  }

  void Beat(Figures& figures) {
    heartbeat_ += kHeartbeatEvery;
    grpc::ClientContext context;
    v1::HeartbeatRequest request;
    *request.mutable_attempt() = attempt_;
    request.set_steps_done(step_);
    request.set_steps_total(100 * step_ + 1);
    v1::HeartbeatResponse response;
    const auto start = Clock::now();
    Must(stub_.Heartbeat(&context, request, &response));
    figures.heartbeats.push_back(MsSince(start));
  }

  void PutCheckpoint(Figures& figures) {
    checkpoint_ += kCheckpointEvery;
    const std::string bytes(kCheckpointBytes, static_cast<char>(step_));
    grpc::ClientContext context;
    v1::PutCheckpointResponse response;
    const auto start = Clock::now();
    const auto writer = stub_.PutCheckpoint(&context, &response);
    v1::PutCheckpointRequest part;
    auto& header = *part.mutable_header();
    *header.mutable_attempt() = attempt_;
    header.set_step(step_);
    header.set_size(bytes.size());
    header.set_crc32c(Crc32c(bytes));
    writer->Write(part);
    part.set_data(bytes);
    writer->Write(part);
    writer->WritesDone();
    Must(writer->Finish());
    figures.checkpoints.push_back(MsSince(start));
  }

  v1::WorkerService::Stub& stub_;
  Clock::time_point due_;
  bool has_job_ = false;
  v1::Attempt attempt_;
  v1::AppendPointsRequest request_;
  std::uint64_t step_ = 0;
  Clock::time_point heartbeat_, checkpoint_, done_;
};

// The workers in the order in which they are due, for any thread.
class Turns {
 public:
  void Add(Worker* worker) {
    const std::lock_guard lock(mu_);
    queue_.push(worker);
  }
  // Null: nobody is due before `end`.
  Worker* Next(Clock::time_point end) {
    const std::lock_guard lock(mu_);
    if (queue_.empty() || queue_.top()->due() >= end) {
      return nullptr;
    }
    Worker* const next = queue_.top();
    queue_.pop();
    return next;
  }

 private:
  struct Later {
    bool operator()(const Worker* a, const Worker* b) const { return a->due() > b->due(); }
  };
  std::mutex mu_;
  std::priority_queue<Worker*, std::vector<Worker*>, Later> queue_;
};

// What the workers do until `end`.
Figures Run(Turns& turns, Clock::time_point end) {
  Figures all;
  std::mutex mu;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        Figures mine;
        while (Worker* const worker = Clock::now() < end ? turns.Next(end) : nullptr) {
          std::this_thread::sleep_until(worker->due());
          worker->Turn(mine);
          turns.Add(worker);
        }
        const std::lock_guard lock(mu);
        all.Add(mine);
      });
    }
  }
  return all;
}

int OptionOf(int argc, char** argv, std::string_view name, int otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (argv[i] == name) {
      return std::atoi(argv[i + 1]);
    }
  }
  return otherwise;
}

int Main(int argc, char** argv) {
  const auto n = static_cast<std::size_t>(std::max(1, OptionOf(argc, argv, "--workers", 2'000)));
  const std::chrono::seconds time(std::max(1, OptionOf(argc, argv, "--seconds", 60)));
  Server server;
  const auto jobs = v1::JobService::NewStub(server.Connect());
  const std::uint64_t turns_of_jobs = 2 + static_cast<std::uint64_t>(time / kJobTakes);
  SubmitMany(*jobs, (n * turns_of_jobs + 999) / 1000 * 1000);
  std::vector<std::unique_ptr<v1::WorkerService::Stub>> stubs;
  for (std::size_t i = 0; i < std::min(n, kConnections); ++i) {
    stubs.push_back(v1::WorkerService::NewStub(server.Connect()));
  }
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<Worker>> workers;
  Turns turns;
  for (std::size_t i = 0; i < n; ++i) {
    workers.push_back(std::make_unique<Worker>(*stubs[i % stubs.size()], begin + i * kPointsEvery / n));
    turns.Add(workers.back().get());
  }
  const double cpu_before = server.CpuMs();
  Figures figures = Run(turns, begin + time);
  const double took = MsSince(begin) / 1000;
  fmt::print("{} workers for {:.0f} s: {} jobs taken, {} done, {} heartbeats, {} checkpoints\n", n, took,
             figures.leases.size(), figures.finished, figures.heartbeats.size(), figures.checkpoints.size());
  const double points = static_cast<double>(figures.points.size() * kPointsOfACall) / took;
  bool met = Report("points acknowledged", points, "points/s", 200'000, true);
  met = Report("a job leased, p99", Percentile(figures.leases, 0.99), "ms", 50, false) && met;
  met = Report("the server's memory, most", server.PeakMiB(), "MiB", 1024, false) && met;
  fmt::print("{:<58} {:>12.1f} ms\n", "points acknowledged, p50", Percentile(figures.points, 0.50));
  fmt::print("{:<58} {:>12.1f} ms\n", "points acknowledged, p99", Percentile(figures.points, 0.99));
  if (!figures.heartbeats.empty()) {
    fmt::print("{:<58} {:>12.1f} ms\n", "heartbeat answered, p99", Percentile(figures.heartbeats, 0.99));
  }
  if (!figures.checkpoints.empty()) {
    fmt::print("{:<58} {:>12.1f} ms\n", "checkpoint of 64 KiB on disk, p99", Percentile(figures.checkpoints, 0.99));
  }
  fmt::print("{:<58} {:>12.2f} of a core\n", "the server's processor", (server.CpuMs() - cpu_before) / 1000 / took);
  return met ? 0 : 1;
}

}  // namespace
}  // namespace normlab::bench

int main(int argc, char** argv) { return normlab::bench::Main(argc, argv); }
