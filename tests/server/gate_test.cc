// The gate without a wire: what a call may count on, and what is left when it ends in any way.
#include "server/edge/gate.h"

#include <fmt/format.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <vector>

#include "server/edge/errors.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

Caller Someone(Caller::Clock::time_point deadline = Caller::Clock::time_point::max()) {
  return {Principal{.identity = "owner", .role = Role::kAdmin}, deadline, [] { return false; }};
}

class GateTest : public testing::Test {
 protected:
  absl::Status Serve(CallKind kind, const Gate::Body& body) {
    return gate_.Serve(Someone(), "JobService.GetJob", kind, body);
  }

  const WorkerSecrets secrets_{"key"};
  Gate gate_{Access({}, secrets_),
             GateLimits{.streams = 1, .reads = 1, .compares = 1, .worker_waits = 1, .worker_orders = 1}};
};

TEST_F(GateTest, ABodySeesItsCaller) {
  const absl::Status status = Serve(CallKind::kShort, [](const Caller& caller) {
    return absl::AbortedError(fmt::format("{} {}", caller.identity(), caller.cancelled() ? "left" : "waits"));
  });
  EXPECT_EQ(Message(status), "owner waits");
}

// Deny by default: a method that says nothing, or that nobody declared, is nobody's.
TEST_F(GateTest, AMethodThatIsNotDeclaredIsRefused) {
  for (const char* method : {"JobService.NoSuchMethod", "", "GetJob"}) {
    bool begun = false;
    const absl::Status status = gate_.Serve(Someone(), method, CallKind::kShort, [&begun](const Caller&) {
      begun = true;
      return absl::OkStatus();
    });
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << method;
    EXPECT_FALSE(begun) << method;
  }
}

TEST_F(GateTest, ABodyThatThrowsIsInternalAndFreesItsPlace) {
  const std::vector<Gate::Body> bodies = {
      [](const Caller&) -> absl::Status { throw std::bad_alloc(); },
      [](const Caller&) -> absl::Status { throw std::runtime_error("unexpected"); },
      [](const Caller&) -> absl::Status { throw 7; },
  };
  for (const CallKind kind : {CallKind::kShort, CallKind::kStream, CallKind::kRead, CallKind::kCompare,
                              CallKind::kWorker, CallKind::kWorkerWait, CallKind::kWorkerOrder}) {
    for (const Gate::Body& body : bodies) {
      EXPECT_EQ(Serve(kind, body).code(), absl::StatusCode::kInternal);
    }
    EXPECT_TRUE(Serve(kind, [](const Caller&) { return absl::OkStatus(); }).ok());
  }
  EXPECT_THAT(Message(Serve(CallKind::kShort, bodies[1])), HasSubstr("unexpected"));
  // A place that was never freed would make this wait for ever.
  gate_.WaitUntilIdle(std::chrono::hours(1));
}

// Each kind has its own places: whoever fills one leaves all others free.
TEST_F(GateTest, KindsAreCountedApart) {
  const std::vector<CallKind> counted = {CallKind::kStream, CallKind::kRead, CallKind::kCompare, CallKind::kWorkerWait,
                                         CallKind::kWorkerOrder};
  const auto nothing = [](const Caller&) { return absl::OkStatus(); };
  for (const CallKind kind : counted) {
    const absl::Status status = Serve(kind, [&](const Caller&) {
      const absl::Status second = Serve(kind, nothing);
      EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
      EXPECT_GT(DetailOf<google::rpc::RetryInfo>(ToGrpc(second)).retry_delay().seconds(), 0);
      for (const CallKind other : counted) {
        EXPECT_EQ(Serve(other, nothing).ok(), other != kind);
      }
      return Serve(CallKind::kShort, nothing);
    });
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST_F(GateTest, ACallWhoseDeadlineHasPassedIsNotBegun) {
  bool begun = false;
  const absl::Status status = gate_.Serve(Someone(Caller::Clock::now() - std::chrono::seconds(1)), "JobService.GetJob",
                                          CallKind::kShort, [&begun](const Caller&) {
                                            begun = true;
                                            return absl::OkStatus();
                                          });
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(begun);
}

// gRPC's name for callers inside this process must not be taken for the Unix socket's, whose caller is an admin.
TEST_F(GateTest, ACallerInsideThisProcessNeedsATokenLikeOneOnThePort) {
  struct Service : v1::JobService::Service {
    explicit Service(Gate& gate) : gate(gate) {}
    grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest*, v1::ListJobsResponse*) override {
      return gate.Call(*context, "JobService.ListJobs", CallKind::kShort, [this](const Caller& caller) {
        role = caller.role();
        return absl::OkStatus();
      });
    }
    Gate& gate;
    std::optional<Role> role;
  };
  const std::string token(64, 'a');
  Gate gate(Access({{Role::kViewer, token}}, secrets_), GateLimits{});
  Service service(gate);
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto jobs = v1::JobService::NewStub(server->InProcessChannel(grpc::ChannelArguments()));
  for (const std::string& authorization : {std::string(), "Bearer " + std::string(64, 'b'), "Bearer " + token}) {
    CallContext context;
    if (!authorization.empty()) {
      context.AddMetadata("authorization", authorization);
    }
    v1::ListJobsResponse response;
    const bool known = authorization == "Bearer " + token;
    EXPECT_EQ(jobs->ListJobs(&context, {}, &response).error_code(),
              known ? grpc::StatusCode::OK : grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(service.role, known ? std::optional<Role>(Role::kViewer) : std::nullopt);
    EXPECT_EQ(gate.Identify(authorization).ok(), known) << "a door that asks first hears the same";
  }
  server->Shutdown();
}

TEST_F(GateTest, ADrainingServerHearsWorkersOnly) {
  gate_.Drain();
  for (const CallKind kind : {CallKind::kShort, CallKind::kStream, CallKind::kWorkerWait}) {
    EXPECT_EQ(Serve(kind, [](const Caller&) { return absl::OkStatus(); }).code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_TRUE(Serve(CallKind::kWorker, [](const Caller&) { return absl::OkStatus(); }).ok());
}

}  // namespace
}  // namespace normlab::server
