// Where the server is, and what is refused before anything is sent.
#include "client/connection.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <filesystem>
#include <fstream>

#include "client/client.h"
#include "client/error.h"
#include "tests/client/fake_server.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;

const std::string kToken(64, 'a');

TEST(ConnectionTest, PathsFollowTheHome) {
  const Endpoint endpoint{.home = "/srv/normlab"};
  EXPECT_EQ(endpoint.Describe(), "/srv/normlab/run/normlabd.sock");
  EXPECT_EQ((Endpoint{.home = "/srv", .socket = "/tmp/s"}).Describe(), "/tmp/s");
  EXPECT_EQ((Endpoint{.address = "127.0.0.1:1"}).Describe(), "127.0.0.1:1");
}

TEST(ConnectionTest, RefusesWhatWouldSendATokenInTheClear) {
  EXPECT_THAT(Message(Connect({.address = "lab.example.org:7070"}).status()), HasSubstr("ssh -L"));
  EXPECT_THAT(Message(Connect({.token_file = "/x"}).status()), HasSubstr("goes with --address"));
  EXPECT_THAT(Message(Connect({.socket = std::string(200, 'x')}).status()), HasSubstr("choose a shorter --home"));
}

TEST(ConnectionTest, TokenFilesMustBePrivate) {
  const FakeServer home;
  const std::string path = home.home() + "/token";
  std::ofstream(path) << kToken << "\n";
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_THAT(Message(Connect({.address = "127.0.0.1:1", .token_file = path}).status()), HasSubstr("chmod 600"));
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  EXPECT_EQ(Connect({.address = "127.0.0.1:1", .token_file = path})->authorization, "Bearer " + kToken);
  EXPECT_EQ(Connect({.address = "127.0.0.1:1", .token_file = "/nonexistent"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Answers GetJob with the token it was shown.
class TokenEcho final : public v1::JobService::Service {
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override {
    const auto shown = context->client_metadata().find("authorization");
    if (shown == context->client_metadata().end()) {
      return {grpc::StatusCode::UNAUTHENTICATED, "no token"};
    }
    if (request->job_id() == "j2") {
      return {grpc::StatusCode::PERMISSION_DENIED, "a viewer may not"};
    }
    response->mutable_job()->set_job_id(std::string(shown->second.data(), shown->second.size()));
    return grpc::Status::OK;
  }
};

TEST(ConnectionTest, SendsTheTokenWithEveryCall) {
  TokenEcho service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  const FakeServer home;
  const std::string path = home.home() + "/token";
  std::ofstream(path) << kToken << "\n";
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  Endpoint endpoint{.address = "127.0.0.1:" + std::to_string(port), .token_file = path};
  EXPECT_EQ((*Client::Connect(endpoint))->GetJob("j1")->job_id(), "Bearer " + kToken);
  const absl::Status refused = (*Client::Connect(endpoint))->GetJob("j2").status();
  EXPECT_EQ(ExitCodeFor(refused), kExitUnavailable);
  EXPECT_THAT(Message(refused), HasSubstr(endpoint.address + " refuses this: a viewer may not"));
  endpoint.token_file.clear();
  const absl::Status status = (*Client::Connect(endpoint))->GetJob("j1").status();
  EXPECT_EQ(ExitCodeFor(status), kExitUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("--token-file"));
  server->Shutdown();
}

TEST(ConnectionTest, RequestIdsAreUuidsAndDiffer) {
  const std::string a = NewRequestId();
  EXPECT_THAT(a, testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-4[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(a.size(), 36u);
  EXPECT_NE(a, NewRequestId());
}

}  // namespace
}  // namespace normlab::client
