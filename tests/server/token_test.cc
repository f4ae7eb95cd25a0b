// Tokens that were made for somebody: what is kept of them, what they let do, and that they end at once.
#include <fmt/format.h>

#include <fstream>

#include "base/sha256.h"
#include "normlab/v1/admin.grpc.pb.h"
#include "proto/transport/token.h"
#include "server/edge/issued_tokens.h"
#include "tests/scratch_folder.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::seconds kEndless{0};

class IssuedTokensTest : public testing::Test {
 protected:
  std::unique_ptr<IssuedTokens> Open() const {
    auto tokens = IssuedTokens::Open(path_);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    return *std::move(tokens);
  }
  static bool Good(const IssuedTokens& tokens, const std::string& secret) {
    return tokens.Find(Sha256Hex(secret)) != nullptr;
  }

  const ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/tokens.json";
};

TEST_F(IssuedTokensTest, TheDiskHoldsHashesThatItsOwnerAloneMayRead) {
  const auto made = Open()->Create("ana", Role::kSubmitter, kEndless);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->secret.size(), 64u);
  const std::string text = ReadAll(path_);
  EXPECT_THAT(text, Not(HasSubstr(made->secret)));
  EXPECT_THAT(text, HasSubstr(Sha256Hex(made->secret)));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path_).permissions(), perms::owner_read | perms::owner_write);
  const auto grant = Open()->Find(Sha256Hex(made->secret));
  ASSERT_NE(grant, nullptr) << "it outlives the server";
  EXPECT_EQ(grant->name(), "ana");
  EXPECT_EQ(grant->role(), Role::kSubmitter);
}

TEST_F(IssuedTokensTest, ARotatedTokenIsTheNewOneAlone) {
  const auto tokens = Open();
  const std::string old = tokens->Create("ana", Role::kViewer, kEndless)->secret;
  const auto held = tokens->Find(Sha256Hex(old));
  const auto made = tokens->Rotate("ana");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_FALSE(Good(*tokens, old));
  EXPECT_FALSE(held->good()) << "who came with it sees so";
  EXPECT_TRUE(Good(*tokens, made->secret));
  EXPECT_FALSE(Good(*Open(), old));
  EXPECT_TRUE(Good(*Open(), made->secret));
}

TEST_F(IssuedTokensTest, ARevokedTokenIsNobodysAndItsNameIsFree) {
  const auto tokens = Open();
  const std::string old = tokens->Create("ana", Role::kViewer, kEndless)->secret;
  EXPECT_EQ(tokens->Create("ana", Role::kViewer, kEndless).status().code(), absl::StatusCode::kAlreadyExists);
  const auto held = tokens->Find(Sha256Hex(old));
  ASSERT_TRUE(tokens->Revoke("ana").ok());
  EXPECT_FALSE(Good(*tokens, old));
  EXPECT_FALSE(held->good());
  EXPECT_FALSE(Good(*Open(), old));
  EXPECT_EQ(tokens->Rotate("ana").status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string fresh = tokens->Create("ana", Role::kAdmin, kEndless)->secret;
  EXPECT_FALSE(Good(*tokens, old));
  EXPECT_TRUE(Good(*tokens, fresh));
  EXPECT_EQ(tokens->List().size(), 1u);
}

TEST_F(IssuedTokensTest, ATokenExpires) {
  const auto tokens = Open();
  const auto made = tokens->Create("ana", Role::kViewer, std::chrono::seconds(1));
  EXPECT_EQ(made->record.expires_ms, made->record.created_ms + 1'000);
  EXPECT_TRUE(Eventually([&] { return !Good(*tokens, made->secret); }));
  EXPECT_FALSE(Good(*Open(), made->secret));
  const auto again = tokens->Rotate("ana");
  EXPECT_EQ(again->record.expires_ms, again->record.created_ms + 1'000) << "its lifetime begins anew";
}

TEST_F(IssuedTokensTest, UnknownNamesAreTold) {
  const auto tokens = Open();
  ASSERT_TRUE(tokens->Create("lecture", Role::kViewer, kEndless).ok());
  EXPECT_EQ(tokens->Revoke("nobody").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(tokens->Rotate("lectrue").status()), HasSubstr("did you mean lecture?"));
}

TEST_F(IssuedTokensTest, WhatCannotBeUnderstoodIsNotTakenForNoTokens) {
  const std::string whole = R"({"name":"ana","role":"viewer","sha256":")" + std::string(64, 'a') +
                            R"(","created_ms":1,"expires_ms":0,"revoked_ms":0})";
  const auto open = [this](const std::string& text) {
    std::ofstream(path_) << text;
    return IssuedTokens::Open(path_).status();
  };
  EXPECT_TRUE(open("{\"tokens\":[" + whole + "]}").ok());
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("{\"tokens\":{}}"),
                                  std::string("{\"tokens\":[7]}"), "{\"tokens\":[" + whole + "," + whole + "]}",
                                  std::string(R"({"tokens":[{"name":"ana","role":"root"}]})")}) {
    const absl::Status status = open(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(Message(status), HasSubstr(path_)) << text;
  }
}

class TokenTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    admin_ = v1::AdminService::NewStub(NewChannel());
  }
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.listen = Loopback{.host = "127.0.0.1", .port = 0};
    options.limits.reads = 1;
    return options;
  }
  v1::JobService::Stub& Tcp() {
    tcp_ = v1::JobService::NewStub(TcpChannel());
    return *tcp_;
  }
  std::shared_ptr<grpc::Channel> TcpChannel() const {
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(daemon_->port()), grpc::InsecureChannelCredentials());
  }
  grpc::Status Make(const v1::CreateTokenRequest& request, std::string* secret) {
    CallContext context;
    v1::CreateTokenResponse response;
    const grpc::Status status = admin_->CreateToken(&context, request, &response);
    *secret = response.secret();
    return status;
  }
  std::string Make(const std::string& name, v1::Role role) {
    v1::CreateTokenRequest request;
    request.set_name(name);
    request.set_role(role);
    std::string secret;
    EXPECT_EQ(Make(request, &secret).error_message(), "");
    return secret;
  }
  void Revoke(const std::string& name) {
    CallContext context;
    v1::RevokeTokenRequest request;
    request.set_name(name);
    v1::RevokeTokenResponse response;
    ASSERT_EQ(admin_->RevokeToken(&context, request, &response).error_message(), "");
    EXPECT_TRUE(response.token().has_revoked());
  }
  grpc::StatusCode List(const std::string& secret) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(secret));
    v1::ListJobsResponse response;
    return Tcp().ListJobs(&context, {}, &response).error_code();
  }

  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<v1::JobService::Stub> tcp_;
};

TEST_F(TokenTest, ATokenLetsDoWhatItsRoleMay) {
  const std::string viewer = Make("class", v1::ROLE_VIEWER);
  const std::string submitter = Make("ana", v1::ROLE_SUBMITTER);
  EXPECT_EQ(List(viewer), grpc::StatusCode::OK);
  for (const std::string& secret : {viewer, submitter}) {
    CallContext context;
    context.AddMetadata(kAuthorization, AuthorizationOf(secret));
    v1::CreateJobResponse response;
    EXPECT_EQ(Tcp().CreateJob(&context, MnistRequest(1), &response).error_code(),
              secret == viewer ? grpc::StatusCode::PERMISSION_DENIED : grpc::StatusCode::OK);
  }
  StopServer();
  StartServer();
  EXPECT_EQ(List(viewer), grpc::StatusCode::OK);
}

TEST_F(TokenTest, EveryWrongFieldIsTold) {
  v1::CreateTokenRequest request;
  request.set_name("../ana");
  request.set_lifetime_seconds(~std::uint64_t{0});
  std::string secret;
  EXPECT_THAT(WrongFields(Make(request, &secret)), ElementsAre("role", "name", "lifetime_seconds"));
  EXPECT_EQ(secret, "");
}

TEST_F(TokenTest, ARevokedTokenEndsTheStreamItOpened) {
  const std::string secret = Make("ana", v1::ROLE_VIEWER);
  const std::string other = Make("ben", v1::ROLE_VIEWER);
  const auto open = [&](CallContext& context, const std::string& shown) {
    context.AddMetadata(kAuthorization, AuthorizationOf(shown));
    auto reader = Tcp().WatchJobs(&context, {});
    reader->WaitForInitialMetadata();
    return reader;
  };
  Create(1);
  CallContext mine;
  CallContext his;
  const auto ended = open(mine, secret);
  const auto goes_on = open(his, other);
  v1::WatchJobsResponse news;
  ASSERT_TRUE(ended->Read(&news));
  Revoke("ana");
  EXPECT_EQ(List(secret), grpc::StatusCode::UNAUTHENTICATED);
  while (ended->Read(&news)) {
  }
  const grpc::Status status = ended->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("revoked"));
  Create(2);
  EXPECT_TRUE(goes_on->Read(&news)) << "another's goes on";
  his.TryCancel();
}

// Its server waits for the reader and looks at nothing else.
TEST_F(TokenTest, ARevokedTokenEndsAStreamThatNobodyReads) {
  const std::string secret = Make("ana", v1::ROLE_SUBMITTER);
  Create(1);
  ASSERT_EQ(PutCheckpoint(LeaseOne().attempt(), 3, std::string(32 << 20, 'x')).error_message(), "");
  v1::ReadCheckpointRequest request;
  request.set_job_id("j1");
  request.set_at_most_step(3);
  grpc::ClientContext context;  // without a deadline, which would end it too
  context.AddMetadata(kAuthorization, AuthorizationOf(secret));
  const auto stub = v1::ArtifactService::NewStub(TcpChannel());
  const auto unread = stub->ReadCheckpoint(&context, request);
  v1::ReadCheckpointResponse piece;
  ASSERT_TRUE(unread->Read(&piece));
  const auto place_is_free = [&] {
    CallContext owner;
    const auto reader = artifacts_->ReadCheckpoint(&owner, request);
    while (reader->Read(&piece)) {
    }
    return reader->Finish().ok();
  };
  EXPECT_FALSE(place_is_free()) << "the one place for reads is taken";
  Revoke("ana");
  EXPECT_TRUE(Eventually(place_is_free));
  while (unread->Read(&piece)) {
  }
  EXPECT_FALSE(unread->Finish().ok());
}

}  // namespace
}  // namespace normlab::server
