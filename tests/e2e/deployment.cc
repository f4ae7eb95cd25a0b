#include "tests/e2e/deployment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "base/paths.h"
#include "base/process.h"
#include "data/locate.h"
#include "data/registry.h"

namespace normlab::e2e {
namespace {

constexpr std::chrono::seconds kPatience{120};

std::string Program(const char* name) { return ExecutableDirectory() + "/" + name; }

std::string Uuid() {
  std::random_device device;
  return fmt::format("{:08x}-0000-4000-8000-{:08x}{:04x}", device(), device(), device() & 0xffff);
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int OpenLog(const std::string& path) { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); }

bool IsTerminal(const v1::Job& job) { return job.state() >= v1::JOB_STATE_SUCCEEDED; }

// Fails the test loudly and at once when a call that must work does not.
void Must(const grpc::Status& status, const char* call) {
  if (!status.ok()) {
    throw std::runtime_error(fmt::format("{}: {}", call, status.error_message()));
  }
}

}  // namespace

std::string AvailableDataset() {
  for (const char* name : {"mnist", "fashion_mnist"}) {
    const std::vector<data::FileReport> files = data::Verify(*data::FindDataset(name), DataDirectories());
    if (std::all_of(files.begin(), files.end(),
                    [](const auto& f) { return f.state == data::FileReport::State::kOk; })) {
      return name;
    }
  }
  return "";
}

v1::JobSpec SmallSpec() {
  static const std::string dataset = AvailableDataset();
  v1::JobSpec spec;
  spec.set_seed(7);
  v1::MnistMlpConfig& mlp = *spec.mutable_mnist_mlp();
  mlp.set_dataset(dataset == "mnist" ? v1::MNIST_DATASET_MNIST : v1::MNIST_DATASET_FASHION_MNIST);
  mlp.set_norm(v1::NORM_KIND_LAYER);
  mlp.set_batch_size(32);
  mlp.set_hidden_units(96);
  mlp.set_passes(20);
  mlp.set_train_images(3000);
  mlp.set_test_images(500);
  return spec;
}

v1::JobSpec EndlessSpec() {
  v1::JobSpec spec = SmallSpec();
  spec.mutable_mnist_mlp()->set_passes(10'000);
  spec.mutable_mnist_mlp()->set_train_images(55'000);
  spec.mutable_mnist_mlp()->set_batch_size(2);
  return spec;
}

Deployment::Deployment(std::vector<std::string> server_flags) : server_flags_(std::move(server_flags)) {
  StartServer();
}

Deployment::~Deployment() {
  if (server_ > 0) {
    EndServer(SIGKILL);
  }
  for (const std::vector<pid_t>* const started : {&workers_by_hand_, &clients_}) {
    for (const pid_t pid : *started) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  if (testing::Test::HasFailure()) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home())) {
      if (entry.path().extension() == ".log") {
        fmt::print(stderr, "--- {}\n{}", entry.path().string(), ReadText(entry.path()));
      }
    }
  }
}

void Deployment::StartServer() {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const int log = OpenLog(home() + "/server.log");
  SpawnOptions options;
  options.argv = {Program("normlabd"), "--home", home(), "--print-ready"};
  options.argv.insert(options.argv.end(), server_flags_.begin(), server_flags_.end());
  options.environment = {"NORMLAB_CHECKPOINT_INTERVAL=0.05"};
  options.stdout_fd = ready[1];
  options.stderr_fd = log;
  const auto pid = Spawn(options);
  ::close(ready[1]);
  ::close(log);
  ASSERT_TRUE(pid.ok()) << pid.status();
  server_ = *pid;
  char line[256] = {};
  const ssize_t n = ::read(ready[0], line, sizeof line - 1);
  ::close(ready[0]);
  ASSERT_GT(n, 0) << "normlabd ended before it served: " << ReadText(home() + "/server.log");
  channel_ = Connect();
  jobs_ = v1::JobService::NewStub(channel_);
  curves_ = v1::CurveService::NewStub(channel_);
  workers_ = v1::WorkerService::NewStub(channel_);
}

std::shared_ptr<grpc::Channel> Deployment::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix:" + SocketPath(home()), grpc::InsecureChannelCredentials(), arguments);
}

void Deployment::EndServer(int signal) {
  ::kill(server_, signal);
  int status = 0;
  ::waitpid(server_, &status, 0);
  server_ = -1;
  if (signal == SIGTERM) {
    EXPECT_EQ(status, 0) << "normlabd " << DescribeExit(status);
  }
}

pid_t Deployment::StartWorker(const std::vector<std::string>& flags) {
  const int log = OpenLog(fmt::format("{}/by-hand-{}.log", home(), workers_by_hand_.size()));
  SpawnOptions options;
  options.argv = {Program("normlab-worker")};
  options.argv.insert(options.argv.end(), flags.begin(), flags.end());
  if (std::find(flags.begin(), flags.end(), "--socket") == flags.end()) {
    options.argv.insert(options.argv.end(), {"--socket", SocketPath(home())});
  }
  if (std::find(flags.begin(), flags.end(), "--checkpoint-interval") == flags.end()) {
    options.argv.insert(options.argv.end(), {"--checkpoint-interval", "0.05"});
  }
  options.environment = {"OMP_WAIT_POLICY=passive"};  // more threads than cores must not spin
  options.stderr_fd = log;
  const auto pid = Spawn(options);
  ::close(log);
  EXPECT_TRUE(pid.ok()) << pid.status();
  workers_by_hand_.push_back(*pid);
  return *pid;
}

int Deployment::WaitForExit(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

std::string Deployment::Log(pid_t pid) const {
  const auto it = std::find(workers_by_hand_.begin(), workers_by_hand_.end(), pid);
  return ReadText(fmt::format("{}/by-hand-{}.log", home(), it - workers_by_hand_.begin()));
}

std::pair<int, std::string> Deployment::RunClient(std::vector<std::string> arguments) {
  const pid_t pid = StartClient(std::move(arguments));
  const int status = WaitForExit(pid);
  std::erase(clients_, pid);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadText(home() + "/client.out")};
}

pid_t Deployment::StartClient(std::vector<std::string> arguments) {
  const int out = ::open((home() + "/client.out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int log = OpenLog(home() + "/client.log");
  SpawnOptions options;
  options.argv = {Program("normlab")};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.argv.insert(options.argv.end(), {"--home", home()});
  options.stdout_fd = out;
  options.stderr_fd = log;
  const auto pid = Spawn(options);
  ::close(out);
  ::close(log);
  EXPECT_TRUE(pid.ok()) << pid.status();
  clients_.push_back(*pid);
  return *pid;
}

std::string Deployment::ClientLog() const { return ReadText(home() + "/client.log"); }

std::string Deployment::Submit(const v1::JobSpec& spec) {
  grpc::ClientContext context;
  v1::CreateJobRequest request;
  request.set_request_id(Uuid());
  *request.mutable_spec() = spec;
  request.set_rerun(true);
  v1::CreateJobResponse response;
  Must(jobs_->CreateJob(&context, request, &response), "CreateJob");
  return response.job().job_id();
}

std::string Deployment::Resume(const std::string& job) {
  grpc::ClientContext context;
  v1::ResumeJobRequest request;
  request.set_request_id(Uuid());
  request.set_job_id(job);
  v1::ResumeJobResponse response;
  Must(jobs_->ResumeJob(&context, request, &response), "ResumeJob");
  return response.job().job_id();
}

void Deployment::Cancel(const std::string& job) {
  grpc::ClientContext context;
  v1::CancelJobRequest request;
  request.set_request_id(Uuid());
  request.set_job_id(job);
  v1::CancelJobResponse response;
  Must(jobs_->CancelJob(&context, request, &response), "CancelJob");
}

v1::Job Deployment::Get(const std::string& job) {
  grpc::ClientContext context;
  v1::GetJobRequest request;
  request.set_job_id(job);
  v1::GetJobResponse response;
  Must(jobs_->GetJob(&context, request, &response), "GetJob");
  return response.job();
}

v1::Job Deployment::WaitUntil(const std::string& job, const std::function<bool(const v1::Job&)>& done) {
  const auto deadline = std::chrono::system_clock::now() + kPatience;
  v1::Job last;
  while (std::chrono::system_clock::now() < deadline) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    context.set_wait_for_ready(true);
    v1::WatchJobsRequest request;
    request.add_job_ids(job);
    const auto reader = jobs_->WatchJobs(&context, request);
    for (v1::WatchJobsResponse news; reader->Read(&news);) {
      last = news.jobs(0);
      if (done(last)) {
        context.TryCancel();
        return last;
      }
    }
    if (IsTerminal(last)) {
      break;
    }
  }
  throw std::runtime_error(fmt::format("{} did not get there; it is {} with error \"{}\"", job,
                                       v1::JobState_Name(last.state()), last.error()));
}

v1::Job Deployment::WaitUntilTerminal(const std::string& job) { return WaitUntil(job, IsTerminal); }

v1::Job Deployment::CancelBeyond(const std::string& job, std::uint64_t steps) {
  WaitUntil(job, [steps](const v1::Job& j) { return j.steps_done() > steps; });
  Cancel(job);
  v1::Job cancelled = WaitUntilTerminal(job);
  EXPECT_EQ(cancelled.state(), v1::JOB_STATE_CANCELLED) << cancelled.error();
  return cancelled;
}

v1::Job Deployment::WaitUntilRunning(const std::string& job, int after) {
  return WaitUntil(job,
                   [after](const v1::Job& j) { return j.state() == v1::JOB_STATE_RUNNING && j.attempt() > after; });
}

void Deployment::WaitForPoints(const std::string& job) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::WatchCurvesRequest request;
  request.add_job_ids(job);
  v1::WatchCurvesResponse news;
  const auto reader = curves_->WatchCurves(&context, request);
  EXPECT_TRUE(reader->Read(&news)) << job << " ended without a point";
  context.TryCancel();
}

pid_t Deployment::WorkerPid(const v1::Job& job) { return std::stoi(job.worker().substr(job.worker().rfind(':') + 1)); }

Curve Deployment::ReadCurve(const std::string& job) {
  v1::ListSeriesRequest list;
  list.set_job_id(job);
  v1::ListSeriesResponse series;
  grpc::ClientContext context;
  Must(curves_->ListSeries(&context, list, &series), "ListSeries");
  Curve curve;
  for (const v1::Series& one : series.series()) {
    grpc::ClientContext read_context;
    v1::ReadCurveRequest request;
    request.set_job_id(job);
    request.set_series(one.name());
    const auto reader = curves_->ReadCurve(&read_context, request);
    std::int64_t last = -1;
    for (v1::ReadCurveResponse part; reader->Read(&part);) {
      for (int i = 0; i < part.steps_size(); ++i) {
        EXPECT_GT(static_cast<std::int64_t>(part.steps(i)), last) << one.name();
        last = static_cast<std::int64_t>(part.steps(i));
        curve[{one.name(), part.steps(i)}] = std::bit_cast<std::uint64_t>(part.values(i));
      }
    }
    Must(reader->Finish(), "ReadCurve");
  }
  return curve;
}

}  // namespace normlab::e2e
