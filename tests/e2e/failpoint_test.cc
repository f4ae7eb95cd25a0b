// A server or a worker is killed at each named point of a commit (base/failpoint.h): the job goes on by itself, and what
// is stored in the end is what an undisturbed run stores, each point once.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include "base/failpoint.h"
#include "base/paths.h"
#include "base/process.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "results/store/store.h"
#include "tests/reliability.h"
#include "tests/scratch_folder.h"
#include "tests/workers/toy_experiment.h"

namespace normlab {
namespace {

constexpr std::chrono::seconds kPatience{120};

// Who passes a point.
bool IsOfWorker(std::string_view point) {
  return std::set<std::string_view>{"spool_made",  "checkpoint_written", "outbox_sends",
                                    "outbox_sent", "finish_sends",       "finish_sent"}
      .contains(point);
}
// The server passes these when a worker has died, so the worker is killed as well.
bool NeedsADeath(std::string_view point) { return point == "attempt_ends" || point == "attempt_ended"; }

// A child that is started again whenever it dies.
class Child {
 public:
  // `doomed` are its last two words the first time, POINT and N; later it has none.
  Child(std::vector<std::string> words, std::string steps, std::vector<std::string> doomed) : words_(std::move(words)) {
    doomed.insert(doomed.begin(), std::move(steps));
    Start(doomed);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(out_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Starts it again, with this third word, if it has died.
  void KeepAlive(const std::string& third) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) {
      return;
    }
    Read();
    ::close(out_);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << DescribeExit(status);
    Start({third, "none", "0"});
  }
  // What all its lives have said so far.
  const std::string& said() {
    Read();
    return said_;
  }

 private:
  void Start(const std::vector<std::string>& more) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    SpawnOptions options;
    options.argv = words_;
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    options.stdout_fd = ends[1];
    const auto pid = Spawn(options);
    ::close(ends[1]);
    ASSERT_TRUE(pid.ok()) << pid.status();
    pid_ = *pid;
    out_ = ends[0];
    ::fcntl(out_, F_SETFL, O_NONBLOCK);
  }
  void Read() {
    char piece[256];
    for (ssize_t n = 0; (n = ::read(out_, piece, sizeof piece)) > 0;) {
      said_.append(piece, static_cast<std::size_t>(n));
    }
  }

  const std::vector<std::string> words_;
  pid_t pid_ = -1;
  int out_ = -1;
  std::string said_;
};

// A server and a worker of which one dies at a point.
class Pair {
 public:
  Pair(const std::string& point, int n) : mortal_(NeedsADeath(point)) {
    // A worker that dies is noticed by its silence; where none does, no lease may end.
    lease_ = IsOfWorker(point) || mortal_ ? "2" : "3600";
    const std::vector<std::string> doom = {point, std::to_string(n)}, none = {"none", "0"};
    const bool of_worker = IsOfWorker(point);
    server_ = std::make_unique<Child>(Words("server"), lease_, of_worker ? none : doom);
    worker_ = std::make_unique<Child>(Words("worker"), mortal_ ? "12" : "0", of_worker ? doom : none);
    stub_ = v1::JobService::NewStub(
        grpc::CreateChannel("unix:" + SocketPath(folder_.path()), grpc::InsecureChannelCredentials()));
  }

  // Makes a job and waits for its end, whoever dies meanwhile.
  v1::Job Run() {
    v1::CreateJobRequest create;
    create.set_request_id("00000000-0000-4000-8000-000000000001");
    create.mutable_spec()->mutable_mnist_mlp()->set_norm(v1::NORM_KIND_LAYER);
    v1::CreateJobResponse created;
    Insist([&](grpc::ClientContext* context) { return stub_->CreateJob(context, create, &created); });
    v1::GetJobRequest get;
    get.set_job_id(created.job().job_id());
    v1::GetJobResponse got;
    Tend([&] {
      Insist([&](grpc::ClientContext* context) { return stub_->GetJob(context, get, &got); });
      return got.job().state() >= v1::JOB_STATE_SUCCEEDED;
    });
    return got.job();
  }

  // Whether the doomed one died at the point.
  bool Died(const std::string& point) {
    const std::string line = fmt::format("died {}\n", point);
    return Tend([&] { return (server_->said() + worker_->said()).find(line) != std::string::npos; });
  }
  const std::string& home() const { return folder_.path(); }
  void StopAll() {
    worker_.reset();
    server_.reset();
  }

 private:
  std::vector<std::string> Words(const char* what) const {
    return {ExecutableDirectory() + "/failpoint_child", what, folder_.path()};
  }
  bool Goes() const { return std::chrono::steady_clock::now() < end_; }
  // Keeps both alive until `done` or until patience ends.
  bool Tend(const std::function<bool()>& done) {
    while (!done()) {
      if (!Goes()) {
        return false;
      }
      server_->KeepAlive(lease_);
      worker_->KeepAlive("0");
      ::poll(nullptr, 0, 2);
    }
    return true;
  }
  void Insist(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
    EXPECT_TRUE(Tend([&] {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
      const grpc::Status status = call(&context);
      EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                  status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED)
          << status.error_message();
      return status.ok();
    })) << "no server answered";
  }

  const ScratchFolder folder_;
  const bool mortal_;
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kPatience;
  std::string lease_;
  std::unique_ptr<Child> server_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<v1::JobService::Stub> stub_;
};

std::map<std::pair<std::string, std::uint64_t>, double> StoredPoints(const std::string& home) {
  std::map<std::pair<std::string, std::uint64_t>, double> points;
  const auto store = store::Store::Open(home);
  EXPECT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->damage(), "");
  const auto all = (*store)->ListSeries(1);
  for (const store::SeriesInfo& series : *all) {
    const auto curve = (*store)->ReadCurve(1, series.name, {});
    for (std::size_t i = 0; i < curve->steps.size(); ++i) {
      const bool fresh = points.emplace(std::pair(series.name, curve->steps[i]), curve->values[i]).second;
      EXPECT_TRUE(fresh) << series.name << " has step " << curve->steps[i] << " twice";
    }
  }
  return points;
}

class FailpointTest : public testing::TestWithParam<std::string_view> {};

TEST_P(FailpointTest, WhoeverDiesThereTheJobEndsWithTheSameBits) {
  const std::string point(GetParam());
  workers::KeepingHost host;
  const workers::RunResult expected = workers::RunExperiment(workers::PrepareToy({}), nullptr, host, {});
  Pair pair(point, 1);
  const v1::Job job = pair.Run();
  EXPECT_TRUE(pair.Died(point)) << "nothing passed " << point;
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(job.fingerprint(), expected.fingerprint);
  pair.StopAll();
  EXPECT_EQ(StoredPoints(pair.home()), host.points);
  RecordReliability(3, fmt::format("all {} points hit: the same bits", std::size(kFailpointNames)));
}

INSTANTIATE_TEST_SUITE_P(Points, FailpointTest, testing::ValuesIn(kFailpointNames),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace normlab
