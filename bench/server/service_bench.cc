// service_bench.cc - what the service promises, measured over the socket against the real normlabd, durable writes
// included.
//
//   service_bench [--seconds N]
//
// Prints one line per figure with its bar. Exit status 0: all bars met, 1: one missed, 2: the server did not come up.
#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/server/load.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/papers.grpc.pb.h"
#include "normlab/v1/worker.grpc.pb.h"
#include "tensorboard/data_provider.grpc.pb.h"

namespace normlab::bench {
namespace {

void Submit(v1::JobService::Stub& jobs, std::uint64_t seed) {
  grpc::ClientContext context;
  v1::CreateJobResponse response;
  Must(jobs.CreateJob(&context, Request(seed), &response));
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
}  // namespace normlab::bench

int main(int argc, char** argv) { return normlab::bench::Main(argc, argv); }
