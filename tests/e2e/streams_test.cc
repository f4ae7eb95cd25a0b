// Those who follow a job's curves: a thousand at once, slow ones, and ones that fall silent without a word.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <latch>
#include <thread>

#include "base/paths.h"
#include "tests/e2e/deployment.h"
#include "tests/e2e/silent_proxy.h"
#include "tests/peak_memory.h"
#include "tests/reliability.h"
#include "tests/sanitizer.h"

namespace normlab::e2e {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{300};
constexpr std::uint64_t kMiB = 1 << 20;

double Seconds(steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// Whether what it is told is each point once, in order.
class Told {
 public:
  void Hear(const v1::WatchCurvesResponse& response) {
    for (const auto& column : response.columns()) {
      for (const std::uint64_t step : column.steps()) {
        in_order_ = in_order_ && step == next_;
        ++next_;
      }
    }
  }
  bool in_order() const { return in_order_; }
  std::uint64_t points() const { return next_; }

 private:
  std::uint64_t next_ = 0;
  bool in_order_ = true;
};

// Follows a job until it has ended, as fast as it can; gRPC's threads do the work.
class Follower : public grpc::ClientReadReactor<v1::WatchCurvesResponse> {
 public:
  Follower(v1::CurveService::Stub& stub, const std::string& job, std::latch& ended) : ended_(ended) {
    request_.add_job_ids(job);
    context_.set_deadline(std::chrono::system_clock::now() + kPatience);
    stub.async()->WatchCurves(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  const grpc::Status& status() const { return status_; }
  const Told& told() const { return told_; }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      told_.Hear(response_);
      StartRead(&response_);
    }
  }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    ended_.count_down();
  }

  std::latch& ended_;
  grpc::ClientContext context_;
  v1::WatchCurvesRequest request_;
  v1::WatchCurvesResponse response_;
  grpc::Status status_;
  Told told_;
};

// The test is the worker of one job.
class StreamsTest : public testing::Test {
 protected:
  StreamsTest() : deployment_({"--no-workers", "--streams", "1000"}) {
    v1::JobSpec spec;
    spec.mutable_invariance();
    job_ = deployment_.Submit(spec);
    grpc::ClientContext context;
    v1::LeaseRequest request;
    request.set_worker("test:1");
    v1::LeaseResponse response;
    const grpc::Status status = deployment_.worker_service().Lease(&context, request, &response);
    EXPECT_TRUE(status.ok() && response.has_lease()) << status.error_message();
    attempt_ = response.lease().attempt();
  }

  void Append(std::uint64_t points) {
    grpc::ClientContext context;
    v1::AppendPointsRequest request;
    *request.mutable_attempt() = attempt_;
    auto& column = *request.add_columns();
    column.set_series("train/nll");
    for (const std::uint64_t end = appended_ + points; appended_ < end; ++appended_) {
      column.add_steps(appended_);
      column.add_values(1.0 / static_cast<double>(appended_ + 1));
      column.add_wall_ms(static_cast<std::int64_t>(appended_));
    }
    v1::AppendPointsResponse response;
    const grpc::Status status = deployment_.worker_service().AppendPoints(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void Finish() {
    grpc::ClientContext context;
    v1::FinishRequest request;
    *request.mutable_attempt() = attempt_;
    request.set_outcome(v1::OUTCOME_SUCCEEDED);
    request.set_fingerprint(std::string(64, 'a'));
    v1::FinishResponse response;
    const grpc::Status status = deployment_.worker_service().Finish(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  int ServerSockets() const {
    int sockets = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", deployment_.server_pid()))) {
      std::error_code gone;  // meanwhile
      sockets += std::filesystem::read_symlink(entry.path(), gone).string().starts_with("socket:") ? 1 : 0;
    }
    return sockets;
  }
  bool AwaitServerSockets(int wanted) const {
    const auto end = steady_clock::now() + kPatience;
    while (ServerSockets() != wanted && steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return ServerSockets() == wanted;
  }

  Deployment deployment_;
  std::string job_;
  v1::Attempt attempt_;
  std::uint64_t appended_ = 0;
};

TEST_F(StreamsTest, AThousandAreToldEachPointOnceAndEnd) {
  constexpr int kConnections = 10;
  constexpr int kOfEach = 100;
  constexpr int kMessages = 300;
  std::vector<std::unique_ptr<v1::CurveService::Stub>> stubs;
  for (int i = 0; i < kConnections; ++i) {
    stubs.push_back(v1::CurveService::NewStub(deployment_.Connect()));
  }
  std::latch ended(kConnections * kOfEach);
  std::vector<std::unique_ptr<Follower>> followers;
  for (int i = 0; i < kConnections * kOfEach; ++i) {
    followers.push_back(std::make_unique<Follower>(*stubs[i % kConnections], job_, ended));
  }
  for (int i = 0; i < kMessages; ++i) {
    Append(1);
  }
  Finish();
  ended.wait();
  for (const auto& follower : followers) {
    ASSERT_TRUE(follower->status().ok()) << follower->status().error_message();
    ASSERT_EQ(follower->told().points(), kMessages);
    ASSERT_TRUE(follower->told().in_order());
  }
  const std::uint64_t peak = PeakMemory(deployment_.server_pid());
  if (!kSanitized) {
    EXPECT_LT(peak, 128 * kMiB);  // 97 where this was written; libraries differ
  }
  RecordReliability(11, fmt::format("{} streams told {} points each, all ended whole; the server held {} MiB",
                                    followers.size(), kMessages, peak / kMiB));
}

TEST_F(StreamsTest, SlowReadersCostNoMemoryAndMissNothing) {
  constexpr int kReaders = 20;
  constexpr std::uint64_t kAtOnce = 1000;
  const Rounds rounds(300, 100'000);  // of kAtOnce points
  std::vector<std::unique_ptr<v1::CurveService::Stub>> stubs;
  std::vector<std::thread> readers;
  std::vector<Told> told(kReaders);
  std::vector<grpc::Status> statuses(kReaders);
  for (int i = 0; i < kReaders; ++i) {
    stubs.push_back(v1::CurveService::NewStub(deployment_.Connect()));
    readers.emplace_back([this, &stub = *stubs.back(), &told = told[i], &status = statuses[i]] {
      grpc::ClientContext context;
      v1::WatchCurvesRequest request;
      request.add_job_ids(job_);
      const auto reader = stub.WatchCurves(&context, request);
      for (v1::WatchCurvesResponse response; reader->Read(&response);) {
        told.Hear(response);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      status = reader->Finish();
    });
  }
  constexpr int kWarm = 100;  // until then caches fill
  std::uint64_t warm = 0;
  for (int done = 0; rounds.More(done); ++done) {
    if (done == kWarm) {
      ForgetPeakMemory(deployment_.server_pid());
      warm = PeakMemory(deployment_.server_pid());
    }
    Append(kAtOnce);
  }
  const auto appended = steady_clock::now();
  Finish();
  for (std::thread& reader : readers) {
    reader.join();
  }
  const double behind = Seconds(steady_clock::now() - appended);
  for (int i = 0; i < kReaders; ++i) {
    EXPECT_TRUE(statuses[i].ok()) << statuses[i].error_message();
    EXPECT_EQ(told[i].points(), appended_);
    EXPECT_TRUE(told[i].in_order());
  }
  const std::uint64_t peak = PeakMemory(deployment_.server_pid());
  if (!kSanitized) {
    EXPECT_LT(peak - warm, 20 * kMiB);
  }
  RecordReliability(10,
                    fmt::format("{} readers that sleep 10 ms a message, {} points: {} MiB more; the last of them was "
                                "behind by {:.1f} s at the end",
                                kReaders, appended_, (peak - warm) / kMiB, behind));
}

TEST_F(StreamsTest, WhoFallsSilentIsLetGo) {
  SilentProxy proxy(deployment_.home() + "/proxy.sock", SocketPath(deployment_.home()));
  grpc::ClientContext context;
  v1::WatchCurvesRequest request;
  request.add_job_ids(job_);
  const auto stub =
      v1::CurveService::NewStub(grpc::CreateChannel("unix:" + proxy.path(), grpc::InsecureChannelCredentials()));
  const auto cut_off = stub->WatchCurves(&context, request);
  Append(1);
  v1::WatchCurvesResponse response;
  ASSERT_TRUE(cut_off->Read(&response));
  const int before = ServerSockets();
  const pid_t stopped = deployment_.StartClient({"watch", job_});
  ASSERT_TRUE(AwaitServerSockets(before + 1));

  proxy.FallSilent();
  ASSERT_EQ(::kill(stopped, SIGSTOP), 0);
  const auto silent = steady_clock::now();
  Append(100);
  EXPECT_TRUE(AwaitServerSockets(before - 1)) << "it keeps them for ever";
  const double let_go = Seconds(steady_clock::now() - silent);
  Append(100);
  RecordReliability(8, fmt::format("a stream behind a connection that went silent: let go after {:.0f} s", let_go));
  RecordReliability(9, fmt::format("a `normlab watch` stopped with SIGSTOP: its stream ended after {:.0f} s", let_go));
}

}  // namespace
}  // namespace normlab::e2e
