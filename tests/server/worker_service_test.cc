#include <chrono>
#include <future>

#include "base/crc32c.h"
#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WorkerServiceTest : public ServerTest {
 protected:
  grpc::Status Lease(const std::string& worker, int wait_ms, v1::LeaseResponse* response,
                     const std::string& request_id = "") {
    CallContext context;
    v1::LeaseRequest request;
    request.set_worker(worker);
    request.set_request_id(request_id);
    request.mutable_wait()->set_nanos(wait_ms * 1'000'000);
    return workers_->Lease(&context, request, response);
  }
  // Asks for an order in a thread of its own, which ends with the answer.
  std::future<std::pair<grpc::Status, v1::AwaitOrderResponse>> AwaitOrder(const v1::Attempt& attempt, int seconds) {
    return std::async(std::launch::async, [this, attempt, seconds] {
      CallContext context;
      v1::AwaitOrderRequest request;
      *request.mutable_attempt() = attempt;
      request.mutable_wait()->set_seconds(seconds);
      v1::AwaitOrderResponse response;
      const grpc::Status status = workers_->AwaitOrder(&context, request, &response);
      return std::pair(status, response);
    });
  }
  void Cancel(const std::string& job) {
    CallContext context;
    v1::CancelJobRequest request;
    request.set_job_id(job);
    v1::CancelJobResponse response;
    EXPECT_TRUE(jobs_->CancelJob(&context, request, &response).ok());
  }
  grpc::Status Start(const v1::Attempt& attempt, const std::string& arithmetic, int numerics, bool* restarted) {
    CallContext context;
    v1::StartRequest request;
    *request.mutable_attempt() = attempt;
    request.set_arithmetic(arithmetic);
    request.set_numerics_revision(numerics);
    request.set_model_revision(1);
    v1::StartResponse response;
    const grpc::Status status = workers_->Start(&context, request, &response);
    *restarted = response.restarted();
    return status;
  }
  grpc::Status GetCheckpoint(const v1::Attempt& attempt, v1::PutCheckpointRequest::Header* header, std::string* bytes) {
    CallContext context;
    v1::GetCheckpointRequest request;
    *request.mutable_attempt() = attempt;
    const auto reader = workers_->GetCheckpoint(&context, request);
    v1::GetCheckpointResponse message;
    while (reader->Read(&message)) {
      if (message.has_header()) {
        *header = message.header();
      }
      EXPECT_LE(message.data().size(), 256u * 1024);
      *bytes += message.data();
    }
    return reader->Finish();
  }
  // Sends messages as they are.
  template <typename Request>
  grpc::Status PutRaw(const std::vector<Request>& messages) {
    CallContext context;
    if constexpr (std::is_same_v<Request, v1::PutCheckpointRequest>) {
      v1::PutCheckpointResponse response;
      return Send(*workers_->PutCheckpoint(&context, &response), messages);
    } else {
      v1::PutArtifactResponse response;
      return Send(*workers_->PutArtifact(&context, &response), messages);
    }
  }
  template <typename Request>
  static grpc::Status Send(grpc::ClientWriter<Request>& writer, const std::vector<Request>& messages) {
    for (const Request& message : messages) {
      if (!writer.Write(message)) {
        break;
      }
    }
    writer.WritesDone();
    return writer.Finish();
  }
  static v1::PutCheckpointRequest Header(const v1::Attempt& attempt, const std::string& bytes) {
    v1::PutCheckpointRequest request;
    *request.mutable_header()->mutable_attempt() = attempt;
    request.mutable_header()->set_step(10);
    request.mutable_header()->set_size(bytes.size());
    request.mutable_header()->set_crc32c(Crc32c(bytes));
    return request;
  }
  static v1::PutCheckpointRequest Data(const std::string& bytes) {
    v1::PutCheckpointRequest request;
    request.set_data(bytes);
    return request;
  }
};

TEST_F(WorkerServiceTest, LeaseHandsOutTheResolvedSpec) {
  const v1::Job job = Create(5);
  const auto lease = LeaseOne("host:17");
  EXPECT_EQ(lease.attempt().job_id(), job.job_id());
  EXPECT_EQ(lease.attempt().number(), 1);
  EXPECT_EQ(lease.spec().SerializeAsString(), job.spec().SerializeAsString());
  EXPECT_EQ(lease.lease().seconds(), 60);
  EXPECT_FALSE(lease.has_checkpoint_step());
  const v1::Job running = Get(job.job_id());
  EXPECT_EQ(running.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(running.worker(), "host:17");
  EXPECT_TRUE(running.has_started());
}

TEST_F(WorkerServiceTest, LeaseWithoutJobsAnswersAfterItsWait) {
  v1::LeaseResponse response;
  ASSERT_TRUE(Lease("host:1", 1, &response).ok());
  EXPECT_FALSE(response.has_lease());
}

TEST_F(WorkerServiceTest, AWaitingLeaseIsWokenByASubmission) {
  auto lease = std::async(std::launch::async, [this] { return LeaseOne(); });
  const v1::Job job = Create(1);
  EXPECT_EQ(lease.get().attempt().job_id(), job.job_id());
}

TEST_F(WorkerServiceTest, ManyWaitingWorkersGetDifferentJobs) {
  std::vector<std::future<std::string>> leases;
  for (int i = 0; i < 20; ++i) {
    leases.push_back(
        std::async(std::launch::async, [this, i] { return LeaseOne("w:" + std::to_string(i)).attempt().job_id(); }));
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Create(seed);
  }
  std::set<std::string> jobs;
  for (auto& lease : leases) {
    jobs.insert(lease.get());
  }
  EXPECT_EQ(jobs.size(), 20u);
}

TEST_F(WorkerServiceTest, ARepeatedLeaseRequestGetsTheSameLease) {
  Create(1);
  Create(2);
  v1::LeaseResponse first, second;
  ASSERT_TRUE(Lease("host:1", 0, &first, Uuid(1)).ok());
  ASSERT_TRUE(Lease("host:1", 0, &second, Uuid(1)).ok());
  EXPECT_EQ(first.lease().attempt().SerializeAsString(), second.lease().attempt().SerializeAsString());
}

TEST_F(WorkerServiceTest, ALeaseWhoseCallerIsGoneIsNotGivenAway) {
  {
    CallContext context;
    v1::LeaseRequest request;
    request.set_worker("gone:1");
    request.mutable_wait()->set_seconds(30);
    v1::LeaseResponse response;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    EXPECT_FALSE(workers_->Lease(&context, request, &response).ok());
  }
  const v1::Job job = Create(1);
  EXPECT_EQ(LeaseOne("here:1").attempt().job_id(), job.job_id());
}

TEST_F(WorkerServiceTest, HeartbeatsReportProgress) {
  const v1::Job job = Create(1);
  const auto lease = LeaseOne();
  v1::HeartbeatResponse response;
  ASSERT_TRUE(Beat(lease.attempt(), &response).ok());
  EXPECT_FALSE(response.stop());
  EXPECT_FALSE(response.yield());
  const v1::Job running = Get(job.job_id());
  EXPECT_EQ(running.steps_done(), 10u);
  EXPECT_EQ(running.steps_total(), 100u);
  EXPECT_EQ(running.steps_per_second(), 7.5);
  EXPECT_EQ(running.cpu_seconds(), 1.5);
}

TEST_F(WorkerServiceTest, AnotherInstructionSetStartsAgainInsteadOfBeingCalledNotDeterministic) {
  const v1::Job job = Create(1);
  const v1::Attempt first = LeaseOne().attempt();
  bool restarted = true;
  ASSERT_TRUE(Start(first, "AVX3/libm.1", 1, &restarted).ok());
  EXPECT_FALSE(restarted);
  ASSERT_TRUE(Append(first, "train/nll", 0, 4).ok());
  ASSERT_TRUE(PutCheckpoint(first, 3, "weights").ok());
  ASSERT_TRUE(Finish(first, v1::OUTCOME_FAILED).ok());
  CallContext context;
  v1::ResumeJobRequest resume;
  resume.set_job_id(job.job_id());
  v1::ResumeJobResponse resumed;
  ASSERT_TRUE(jobs_->ResumeJob(&context, resume, &resumed).ok());

  const v1::LeaseResponse::Lease second = LeaseOne();
  ASSERT_EQ(second.checkpoint_step(), 3u);
  ASSERT_TRUE(Start(second.attempt(), "AVX2/libm.1", 1, &restarted).ok());
  EXPECT_TRUE(restarted);
  const v1::Job running = Get(second.attempt().job_id());
  EXPECT_EQ(running.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(running.facts().at("arithmetic"), "AVX2/libm.1");
  EXPECT_EQ(running.facts().at("restarted"),
            "from step 0 by attempt 1: arithmetic was AVX3/libm.1, here it is AVX2/libm.1");
  EXPECT_TRUE(Append(second.attempt(), "train/nll", 1, 4).ok()) << "other points than were stored";
  EXPECT_EQ(ReasonOf(Start(first, "AVX3/libm.1", 1, &restarted)), "STALE_ATTEMPT");
}

// A job that was queued before an upgrade and runs after it is a run of the new code.
TEST_F(WorkerServiceTest, ARunOfAnotherRevisionHasItsIdentity) {
  const v1::Job job = Create(1);
  bool restarted = false;
  ASSERT_TRUE(Start(LeaseOne().attempt(), "AVX3/libm.1", 77, &restarted).ok());
  const v1::Job running = Get(job.job_id());
  EXPECT_NE(running.identity(), job.identity());
  EXPECT_EQ(running.facts().at("numerics_revision"), "77");
}

TEST_F(WorkerServiceTest, FinishStoresTheOutcome) {
  const v1::Job job = Create(1);
  const auto lease = LeaseOne();
  ASSERT_TRUE(Finish(lease.attempt()).ok());
  const v1::Job done = Get(job.job_id());
  EXPECT_EQ(done.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(done.fingerprint(), std::string(64, 'a'));
  EXPECT_EQ(done.facts().at("isa"), "avx2");
  EXPECT_EQ(done.steps_done(), 100u);
  EXPECT_TRUE(done.has_finished());
}

TEST_F(WorkerServiceTest, EveryWriteOfAStaleAttemptIsRefused) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  ASSERT_TRUE(PutCheckpoint(attempt, 1, "weights").ok());
  ASSERT_TRUE(Finish(attempt).ok());
  const v1::Attempt never = AttemptOf({.job = 1, .number = 7});
  for (const v1::Attempt& stale : {attempt, never}) {
    v1::HeartbeatResponse beat;
    v1::PutCheckpointRequest::Header header;
    std::string bytes;
    v1::PutArtifactRequest artifact;
    *artifact.mutable_header()->mutable_attempt() = stale;
    artifact.mutable_header()->set_name("weights.safetensors");
    artifact.mutable_header()->set_media_type("application/octet-stream");
    for (const grpc::Status& status :
         {Beat(stale, &beat), AwaitOrder(stale, 30).get().first, Append(stale, "train/nll", 0, 3),
          PutCheckpoint(stale, 2, "x"), GetCheckpoint(stale, &header, &bytes), Finish(stale, v1::OUTCOME_FAILED),
          PutRaw(std::vector<v1::PutArtifactRequest>{artifact})}) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
      EXPECT_EQ(ReasonOf(status), "STALE_ATTEMPT");
    }
  }
  RecordReliability(6, "7 of 7 calls refused, of an attempt that ended and of one that never was");
}

// The waits are longer than a call's deadline in these tests: nothing but the event itself can bring the answer.
TEST_F(WorkerServiceTest, ACancelReachesWhoeverWaitsForAnOrder) {
  const v1::Job job = Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  auto order = AwaitOrder(attempt, 30);
  Cancel(job.job_id());
  const auto [status, response] = order.get();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.stop());
  EXPECT_FALSE(response.yield());
  EXPECT_TRUE(AwaitOrder(attempt, 30).get().second.stop()) << "asked for after it was given";
  StopServer();
  StartServer();
  EXPECT_TRUE(AwaitOrder(attempt, 30).get().second.stop()) << "given before the server was started again";
}

TEST_F(WorkerServiceTest, AnOrderCallEndsWithItsAttempt) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  EXPECT_FALSE(AwaitOrder(attempt, 0).get().second.stop()) << "none yet";
  auto order = AwaitOrder(attempt, 30);
  ASSERT_TRUE(Finish(attempt).ok());
  const grpc::Status status = order.get().first;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
  EXPECT_EQ(ReasonOf(status), "STALE_ATTEMPT");
}

class NoStreamsTest : public WorkerServiceTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.limits.streams = 0;
    options.limits.worker_waits = 1;
    return options;
  }
};

TEST_F(NoStreamsTest, WatchersTakeNoWorkersOrders) {
  const v1::Job job = Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  CallContext context;
  v1::WatchJobsResponse news;
  EXPECT_FALSE(jobs_->WatchJobs(&context, {})->Read(&news));
  auto order = AwaitOrder(attempt, 30);
  Cancel(job.job_id());
  EXPECT_TRUE(order.get().second.stop());
}

TEST_F(WorkerServiceTest, AWorkerThatOutlivesItsServerIsKnownToTheNext) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  StopServer();
  StartServer();
  v1::HeartbeatResponse beat;
  EXPECT_TRUE(Beat(attempt, &beat).ok());
  EXPECT_TRUE(Finish(attempt).ok());
}

TEST_F(WorkerServiceTest, UnknownJobsAreNotFound) {
  const v1::Attempt attempt = AttemptOf({.job = 99, .number = 1});
  v1::HeartbeatResponse beat;
  EXPECT_EQ(Beat(attempt, &beat).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Append(attempt, "a", 0, 1).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(WorkerServiceTest, PointsSentAgainAreCountedNotStored) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  ASSERT_TRUE(Append(attempt, "train/nll", 0, 10).ok());
  v1::AppendPointsRequest request;
  *request.mutable_attempt() = attempt;
  auto& columns = *request.add_columns();
  columns.set_series("train/nll");
  for (std::uint64_t step = 8; step < 12; ++step) {
    columns.add_steps(step);
    columns.add_values(1.0 / static_cast<double>(step + 1));
    columns.add_wall_ms(1'700'000'000'000 + static_cast<std::int64_t>(step));
  }
  CallContext context;
  v1::AppendPointsResponse response;
  ASSERT_TRUE(workers_->AppendPoints(&context, request, &response).ok());
  EXPECT_EQ(response.repeated(), 2u);
  EXPECT_EQ(response.stored(), 2u);
}

TEST_F(WorkerServiceTest, APointThatDiffersFailsTheJobLoudly) {
  const v1::Job job = Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  ASSERT_TRUE(Append(attempt, "train/nll", 0, 10).ok());
  v1::AppendPointsRequest request;
  *request.mutable_attempt() = attempt;
  auto& columns = *request.add_columns();
  columns.set_series("train/nll");
  columns.add_steps(4);
  columns.add_values(0.25);
  columns.add_wall_ms(1);
  CallContext context;
  v1::AppendPointsResponse response;
  EXPECT_EQ(workers_->AppendPoints(&context, request, &response).error_code(), grpc::StatusCode::DATA_LOSS);
  const v1::Job failed = Get(job.job_id());
  EXPECT_EQ(failed.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(failed.error(), HasSubstr("train/nll"));
  RecordReliability(5, "1 of 1 difference found, its job failed");
}

TEST_F(WorkerServiceTest, WrongPointsNameTheirFields) {
  v1::AppendPointsRequest request;
  request.mutable_attempt()->set_job_id("17");
  auto& bad_name = *request.add_columns();
  bad_name.set_series("a b");
  auto& uneven = *request.add_columns();
  uneven.set_series("b");
  uneven.add_steps(1);
  auto& falling = *request.add_columns();
  falling.set_series("c");
  for (const std::uint64_t step : {std::uint64_t{3}, std::uint64_t{3}, ~std::uint64_t{0}}) {
    falling.add_steps(step);
    falling.add_values(0);
    falling.add_wall_ms(0);
  }
  CallContext context;
  v1::AppendPointsResponse response;
  EXPECT_THAT(WrongFields(workers_->AppendPoints(&context, request, &response)),
              ElementsAre("attempt.job_id", "attempt.number", "columns[0].series", "columns[1]", "columns[2].steps",
                          "columns[2].steps"));
}

TEST_F(WorkerServiceTest, WrongFinishNamesItsFields) {
  v1::FinishRequest request;
  *request.mutable_attempt() = AttemptOf({.job = 1, .number = 1});
  request.set_cpu_seconds(-1);
  v1::FinishResponse response;
  const auto finish = [&] {
    CallContext context;
    return workers_->Finish(&context, request, &response);
  };
  EXPECT_THAT(WrongFields(finish()), testing::Contains("outcome"));
  EXPECT_THAT(WrongFields(finish()), testing::Contains("cpu_seconds"));
  request.set_outcome(v1::OUTCOME_SUCCEEDED);
  request.set_fingerprint("not a hash");
  EXPECT_THAT(WrongFields(finish()), testing::Contains("fingerprint"));
  request.set_outcome(v1::OUTCOME_FAILED);
  EXPECT_THAT(WrongFields(finish()), testing::Contains("error"));
}

TEST_F(WorkerServiceTest, CheckpointsTravelInPiecesAndComeBackWhole) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  std::string bytes;
  for (int i = 0; i < 3 * 256 * 1024 + 17; ++i) {
    bytes += static_cast<char>(i * 31 + i / 256);
  }
  ASSERT_TRUE(PutCheckpoint(attempt, 40, bytes).ok());
  v1::PutCheckpointRequest::Header header;
  std::string back;
  ASSERT_TRUE(GetCheckpoint(attempt, &header, &back).ok());
  EXPECT_EQ(header.step(), 40u);
  EXPECT_EQ(header.size(), bytes.size());
  EXPECT_EQ(header.crc32c(), Crc32c(bytes));
  EXPECT_TRUE(back == bytes);
}

TEST_F(WorkerServiceTest, AJobWithoutCheckpointHasNone) {
  Create(1);
  v1::PutCheckpointRequest::Header header;
  std::string bytes;
  EXPECT_EQ(GetCheckpoint(LeaseOne().attempt(), &header, &bytes).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(WorkerServiceTest, DamagedTransfersLeaveNoCheckpoint) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  const std::string bytes = "weights";
  using Messages = std::vector<v1::PutCheckpointRequest>;
  EXPECT_EQ(PutRaw(Messages{Header(attempt, bytes), Data("weigh")}).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(PutRaw(Messages{Header(attempt, bytes), Data("weightz")}).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(WrongFields(PutRaw(Messages{Header(attempt, bytes), Data("weights and more")})), ElementsAre("data"));
  EXPECT_THAT(WrongFields(PutRaw(Messages{Header(attempt, bytes), Data("")})), ElementsAre("data"));
  EXPECT_THAT(WrongFields(PutRaw(Messages{Header(attempt, bytes), Header(attempt, bytes)})), ElementsAre("data"));
  EXPECT_THAT(WrongFields(PutRaw(Messages{Data("weights")})), ElementsAre("header"));
  EXPECT_THAT(WrongFields(PutRaw(Messages{})), ElementsAre("header"));
  EXPECT_THAT(
      WrongFields(PutRaw(Messages{Header(attempt, std::string(300'000, 'x')), Data(std::string(300'000, 'x'))})),
      ElementsAre("data"));
  v1::PutCheckpointRequest lying = Header(attempt, bytes);
  lying.mutable_header()->set_size(~std::uint64_t{0});
  EXPECT_THAT(WrongFields(PutRaw(Messages{lying, Data(bytes)})), ElementsAre("header.size"));
  v1::PutCheckpointRequest::Header header;
  std::string back;
  EXPECT_EQ(GetCheckpoint(attempt, &header, &back).error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(PutRaw(Messages{Header(attempt, bytes), Data(bytes)}).ok());
}

TEST_F(WorkerServiceTest, ArtifactsAreCheckedAndStored) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  v1::PutArtifactRequest header;
  *header.mutable_header()->mutable_attempt() = attempt;
  header.mutable_header()->set_name("weights.safetensors");
  header.mutable_header()->set_media_type("application/octet-stream");
  header.mutable_header()->set_size(4);
  header.mutable_header()->set_crc32c(Crc32c("1234"));
  v1::PutArtifactRequest data;
  data.set_data("1234");
  using Messages = std::vector<v1::PutArtifactRequest>;
  EXPECT_TRUE(PutRaw(Messages{header, data}).ok());
  ASSERT_TRUE(PutRaw(Messages{header, data}).ok()) << "the same file again replaces itself";
  header.mutable_header()->set_media_type("image/svg+xml");
  EXPECT_TRUE(PutRaw(Messages{header, data}).ok());
  for (const std::string bad : {"", "image", "/png", "image/", "image/p/ng", "image/png; x=1", "image/\n"}) {
    header.mutable_header()->set_media_type(bad);
    EXPECT_THAT(WrongFields(PutRaw(Messages{header, data})), ElementsAre("header.media_type")) << bad;
  }
  header.mutable_header()->set_media_type("image/png");
  for (const std::string bad : {"../x", "a/b", ".hidden", "", "a\nb"}) {
    header.mutable_header()->set_name(bad);
    EXPECT_THAT(WrongFields(PutRaw(Messages{header, data})), ElementsAre("header.name")) << bad;
  }
}

TEST_F(WorkerServiceTest, WorkersHaveNames) {
  v1::LeaseResponse response;
  EXPECT_THAT(WrongFields(Lease("", 0, &response)), ElementsAre("worker"));
  EXPECT_THAT(WrongFields(Lease("a\nb", 0, &response)), ElementsAre("worker"));
  EXPECT_THAT(WrongFields(Lease(std::string(1000, 'w'), 0, &response)), ElementsAre("worker"));
}

}  // namespace
}  // namespace normlab::server
