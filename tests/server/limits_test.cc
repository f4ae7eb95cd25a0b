// What one caller may take: calls, and places in the queue. Workers' reports and the socket's owner are not slowed.

#include <future>
#include <list>
#include <vector>

#include "normlab/v1/admin.grpc.pb.h"
#include "proto/transport/token.h"
#include "server/edge/rate_limiter.h"
#include "tests/server/audit_entries.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(RateLimiter, GivesABurstAndThenSoManyPerSecond) {
  RateLimiter limiter(10, 3);
  const auto start = RateLimiter::Clock::now();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limiter.Take("ana", start), milliseconds(0)) << i;
  }
  EXPECT_EQ(limiter.Take("ana", start), milliseconds(100)) << "how long to wait";
  EXPECT_EQ(limiter.Take("ben", start), milliseconds(0)) << "another has his own";
  EXPECT_GT(limiter.Take("ana", start + milliseconds(99)), milliseconds(0));
  EXPECT_EQ(limiter.Take("ana", start + milliseconds(101)), milliseconds(0));
  EXPECT_GT(limiter.Take("ana", start + milliseconds(101)), milliseconds(0));
  const auto later = start + std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limiter.Take("ana", later), milliseconds(0)) << "no more than the burst is saved";
  }
  EXPECT_GT(limiter.Take("ana", later), milliseconds(0));
}

TEST(RateLimiter, InventedNamesShareOneBucket) {
  RateLimiter limiter(1, 2, /*most_names=*/10);
  const auto start = RateLimiter::Clock::now();
  int taken = 0;
  for (int i = 0; i < 1'000; ++i) {
    taken += limiter.Take(std::to_string(i), start).count() == 0 ? 1 : 0;
  }
  EXPECT_EQ(taken, 10 + 2);
  EXPECT_EQ(limiter.Take("ana", start + std::chrono::seconds(10)), milliseconds(0)) << "they are forgotten";
}

class LimitsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    tcp_ = v1::JobService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(daemon_->port()), grpc::InsecureChannelCredentials()));
    token_ = Make("ana", v1::ROLE_SUBMITTER);
  }
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.listen = Loopback{.host = "127.0.0.1", .port = 0};
    options.limits.queued_of_one = 3;
    options.limits.calls_per_second = 1.0 / 3'600;  // none comes back while a test runs
    options.limits.calls_at_once = 40;
    return options;
  }
  std::string Make(const std::string& name, v1::Role role) const {
    CallContext context;
    v1::CreateTokenRequest request;
    request.set_name(name);
    request.set_role(role);
    v1::CreateTokenResponse response;
    EXPECT_EQ(v1::AdminService::NewStub(NewChannel())->CreateToken(&context, request, &response).error_message(), "");
    return response.secret();
  }
  grpc::Status Submit(std::uint64_t seed, const std::string& token, int request_id = 0) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(token));
    v1::CreateJobRequest request = MnistRequest(seed);
    request.set_request_id(request_id == 0 ? "" : Uuid(request_id));
    v1::CreateJobResponse response;
    return tcp_->CreateJob(&context, request, &response);
  }
  grpc::Status Batch(std::uint64_t first, int n) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(token_));
    v1::BatchCreateJobsRequest request;
    for (int i = 0; i < n; ++i) {
      *request.add_requests() = MnistRequest(first + static_cast<std::uint64_t>(i));
    }
    v1::BatchCreateJobsResponse response;
    return tcp_->BatchCreateJobs(&context, request, &response);
  }

  // Who called this method and how it ended, of the calls that the audit has.
  std::vector<std::string> Audited(const std::string& method) const {
    std::vector<std::string> calls;
    for (const v1::AuditEntry& entry : AuditEntries(NewChannel())) {
      if (entry.method() == method) {
        calls.push_back(entry.who() + " " + entry.outcome());
      }
    }
    return calls;
  }

  std::unique_ptr<v1::JobService::Stub> tcp_;
  std::string token_;
};

TEST_F(LimitsTest, OneSubmittersJobsLeaveRoomForOthers) {
  EXPECT_EQ(Batch(1, 4).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Batch(1, 2).error_message(), "");
  EXPECT_EQ(Submit(3, token_, 7).error_message(), "");
  const grpc::Status full = Submit(4, token_);
  EXPECT_EQ(full.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(full), "QUEUE_QUOTA");
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(full).retry_delay().seconds(), 0);
  EXPECT_EQ(Submit(3, token_, 7).error_message(), "") << "what was taken is answered again";
  EXPECT_EQ(Submit(4, Make("ben", v1::ROLE_SUBMITTER)).error_message(), "") << "another's";
  EXPECT_EQ(Submit(5, Make("root", v1::ROLE_ADMIN)).error_message(), "") << "an admin has no limit";
  for (std::uint64_t seed = 10; seed < 20; ++seed) {
    EXPECT_NE(Create(seed).job_id(), "") << "nor has the socket's owner";
  }
  LeaseOne();
  EXPECT_EQ(Submit(6, token_).error_message(), "") << "one of hers waits no more";
}

TEST_F(LimitsTest, WhatWasThereAlreadyTakesNoPlaceAndLeavesNone) {
  ASSERT_EQ(Submit(1, token_).error_message(), "");
  ASSERT_EQ(Submit(1, token_).error_message(), "") << "the same job";
  ASSERT_EQ(Batch(2, 2).error_message(), "");
  EXPECT_EQ(ReasonOf(Submit(4, token_)), "QUEUE_QUOTA");
}

TEST_F(LimitsTest, NorDoCallsAtOnceGetInTogether) {
  std::vector<std::future<grpc::Status>> calls;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    calls.push_back(std::async(std::launch::async, [this, seed] { return Submit(seed, token_); }));
  }
  int taken = 0;
  for (auto& call : calls) {
    const grpc::Status status = call.get();
    EXPECT_TRUE(status.ok() || ReasonOf(status) == "QUEUE_QUOTA") << status.error_message();
    taken += status.ok() ? 1 : 0;
  }
  EXPECT_EQ(taken, 3);
  LeaseOne();
  EXPECT_EQ(Submit(31, token_).error_message(), "") << "what the refused ones asked for is free";
}

class FewStreamsOfOneTest : public LimitsTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = LimitsTest::Options();
    options.limits.streams_of_one = 2;
    options.limits.calls_per_second = options.limits.calls_at_once = 1e6;
    return options;
  }
};

TEST_F(FewStreamsOfOneTest, OnePersonsStreamsLeaveRoomForOthers) {
  std::list<CallContext> contexts;
  std::list<std::unique_ptr<grpc::ClientReader<v1::WatchJobsResponse>>> readers;
  v1::WatchJobsResponse message;
  const auto watch = [&](const std::string& token) {
    CallContext& context = contexts.emplace_back();
    context.AddMetadata(kAuthorization, AuthorizationOf(token));
    return readers.emplace_back(tcp_->WatchJobs(&context, {}))->Read(&message);
  };
  Create(1);
  EXPECT_TRUE(watch(token_));
  EXPECT_TRUE(watch(token_));
  EXPECT_FALSE(watch(token_));
  const grpc::Status third = readers.back()->Finish();
  readers.pop_back();
  EXPECT_EQ(third.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(third.error_message(), HasSubstr("2 such calls of ana are open"));
  EXPECT_TRUE(watch(Make("ben", v1::ROLE_VIEWER))) << "another's";
  contexts.front().TryCancel();
  EXPECT_EQ(readers.front()->Finish().error_code(), grpc::StatusCode::CANCELLED);
  readers.pop_front();
  EXPECT_TRUE(Eventually([&] { return watch(token_) || (readers.back()->Finish(), readers.pop_back(), false); }))
      << "a place that is left is free";
  for (CallContext& context : contexts) {
    context.TryCancel();
  }
  for (const auto& reader : readers) {
    reader->Finish();
  }
}

TEST_F(LimitsTest, ResumingCountsToo) {
  ASSERT_EQ(Batch(1, 3).error_message(), "");
  v1::CancelJobsRequest cancel;
  cancel.mutable_filter()->add_states(v1::JOB_STATE_QUEUED);
  CallContext cancelling;
  v1::CancelJobsResponse cancelled;
  ASSERT_EQ(jobs_->CancelJobs(&cancelling, cancel, &cancelled).error_message(), "");
  ASSERT_EQ(cancelled.jobs_size(), 3);
  ASSERT_EQ(Batch(10, 2).error_message(), "") << "cancelled jobs wait no more";
  CallContext context;
  context.AddMetadata(kAuthorization, AuthorizationOf(token_));
  v1::ResumeJobsRequest request;
  request.mutable_filter()->add_states(v1::JOB_STATE_CANCELLED);
  v1::ResumeJobsResponse response;
  ASSERT_EQ(tcp_->ResumeJobs(&context, request, &response).error_message(), "");
  EXPECT_EQ(response.jobs_size(), 1);
  ASSERT_EQ(response.not_changed_size(), 2);
  EXPECT_THAT(response.not_changed(0).reason(), HasSubstr("--queued-per-caller"));
}

TEST_F(LimitsTest, AResumptionIsAnsweredAgainThoughTheQueueIsFull) {
  ASSERT_EQ(Batch(1, 1).error_message(), "");
  CallContext cancelling;
  v1::CancelJobRequest cancel;
  cancel.set_job_id("j1");
  v1::CancelJobResponse cancelled;
  ASSERT_EQ(jobs_->CancelJob(&cancelling, cancel, &cancelled).error_message(), "");
  const auto resume = [this](int request_id) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(token_));
    v1::ResumeJobRequest request;
    request.set_request_id(Uuid(request_id));
    request.set_job_id("j1");
    v1::ResumeJobResponse response;
    const grpc::Status status = tcp_->ResumeJob(&context, request, &response);
    return std::pair(status, response.job().job_id());
  };
  const auto [first, id] = resume(5);
  ASSERT_EQ(first.error_message(), "");
  ASSERT_EQ(Batch(10, 2).error_message(), "");
  const auto [again, same] = resume(5);
  EXPECT_EQ(again.error_message(), "");
  EXPECT_EQ(same, id);
}

TEST_F(LimitsTest, TooManyCallsWaitAndWorkersReportsDoNot) {
  const auto list = [this](const std::string& token) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(token));
    v1::ListJobsResponse response;
    return tcp_->ListJobs(&context, {}, &response);
  };
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(list(token_).error_message(), "") << i;
  }
  const grpc::Status refused = list(token_);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "RATE");
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(refused).retry_delay().seconds(), 0);
  EXPECT_TRUE(list(Make("ben", v1::ROLE_VIEWER)).ok()) << "another's";
  EXPECT_THAT(Audited("JobService.ListJobs"), ElementsAre("ana RESOURCE_EXHAUSTED"));
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  const std::string worker = Make("gpu", v1::ROLE_WORKER);
  const auto workers = v1::WorkerService::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(daemon_->port()), grpc::InsecureChannelCredentials()));
  for (int i = 0; i < 100; ++i) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(worker));
    v1::HeartbeatRequest request;
    *request.mutable_attempt() = attempt;
    v1::HeartbeatResponse response;
    ASSERT_EQ(workers->Heartbeat(&context, request, &response).error_message(), "") << i;
  }
  for (int i = 0; i < 100; ++i) {
    Get("j1");  // through the socket
  }
}

}  // namespace
}  // namespace normlab::server
