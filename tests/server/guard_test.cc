// Who may call what: every method of every service, found by reflection, so that a new one cannot be forgotten.
#include <google/protobuf/descriptor.h>

#include <fstream>
#include <set>

#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

const std::vector<std::string> kServices = {"JobService",   "CurveService",      "ArtifactService", "ExperimentService",
                                            "PaperService", "ComparisonService", "ImportService",   "WorkerService"};

std::vector<std::string> AllMethods() {
  std::vector<std::string> methods;
  for (const std::string& name : kServices) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName("normlab.v1." + name);
    for (int i = 0; i < service->method_count(); ++i) {
      methods.push_back("/normlab.v1." + name + "/" + service->method(i)->name());
    }
  }
  return methods;
}

class TcpTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.listen = Loopback{.host = "127.0.0.1", .port = 0};
    return options;
  }
  std::shared_ptr<grpc::Channel> TcpChannel() const {
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(daemon_->port()), grpc::InsecureChannelCredentials());
  }
  std::string Token() const {
    std::ifstream file(folder_.path() + "/token");
    std::string token;
    file >> token;
    return token;
  }
};

TEST_F(TcpTest, NoMethodAnswersWithoutTheToken) {
  ASSERT_GT(AllMethods().size(), 20u);
  const auto channel = TcpChannel();
  for (const std::string& method : AllMethods()) {
    for (const std::string& authorization :
         {std::string(), std::string("Bearer "), "Bearer " + std::string(64, '0'), Token(), "bearer " + Token(),
          "Bearer " + Token() + "x", "Bearer " + Token().substr(1)}) {
      const RawAnswer answer = CallRaw(channel, method, "", authorization);
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method << " with " << authorization;
      EXPECT_EQ(answer.first_message, "") << method;
    }
  }
}

TEST_F(TcpTest, EveryMethodAnswersWithTheToken) {
  const auto channel = TcpChannel();
  for (const std::string& method : AllMethods()) {
    if (method == "/normlab.v1.JobService/WatchJobs") {
      continue;  // follows all jobs for ever: no message to wait for
    }
    const RawAnswer answer = CallRaw(channel, method, "", "Bearer " + Token());
    EXPECT_NE(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    EXPECT_NE(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

TEST_F(TcpTest, TheSocketStillNeedsNoToken) { EXPECT_NE(Create(1).job_id(), ""); }

TEST_F(TcpTest, TheTokenIsMadeOnceAndReadableByItsOwnerOnly) {
  const std::string token = Token();
  EXPECT_EQ(token.size(), 64u);
  EXPECT_EQ(std::filesystem::status(folder_.path() + "/token").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  StopServer();
  StartServer();
  EXPECT_EQ(Token(), token);
}

TEST_F(TcpTest, ReflectionIsOffWhereTheGateCannotGuardIt) {
  const RawAnswer answer =
      CallRaw(TcpChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*", "");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(TcpTest, TwoServersCannotShareAPort) {
  ScratchFolder other;
  DaemonOptions options = Options();
  options.home = other.path() + "/home";
  options.socket_path = other.path() + "/socket";
  options.listen->port = daemon_->port();
  EXPECT_EQ(Daemon::Start(options).status().code(), absl::StatusCode::kFailedPrecondition);
}

class SocketTest : public ServerTest {};

TEST_F(SocketTest, ReflectionListsTheServicesThisTestKnows) {
  const RawAnswer answer =
      CallRaw(NewChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*", "");
  std::set<std::string> services;
  for (std::size_t at = 0; (at = answer.first_message.find("normlab.v1.", at)) != std::string::npos; ++at) {
    const std::size_t begin = at + std::string("normlab.v1.").size();
    services.insert(answer.first_message.substr(
        begin,
        answer.first_message.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", begin) - begin));
  }
  EXPECT_EQ(services, std::set<std::string>(kServices.begin(), kServices.end()));
}

TEST_F(SocketTest, HealthAnswersForTheServerAndForEveryService) {
  const std::string serving = "\x08\x01";
  EXPECT_EQ(CallRaw(NewChannel(), "/grpc.health.v1.Health/Check", "", "").first_message, serving);
  for (const std::string& service : kServices) {
    const std::string name = "normlab.v1." + service;
    const std::string request = "\x0a" + std::string(1, static_cast<char>(name.size())) + name;
    EXPECT_EQ(CallRaw(NewChannel(), "/grpc.health.v1.Health/Check", request, "").first_message, serving) << name;
  }
}

TEST_F(SocketTest, MalformedMessagesAreRefusedAndTheServerGoesOn) {
  for (const std::string& method : AllMethods()) {
    for (const std::string& garbage :
         {std::string("\xff\xff\xff\xff\xff"), std::string("\x0a\x7f"), std::string(1001, '\x0b')}) {
      const RawAnswer answer = CallRaw(NewChannel(), method, garbage, "");
      EXPECT_FALSE(answer.status.ok()) << method;
    }
  }
  EXPECT_NE(Create(1).job_id(), "");
}

TEST_F(SocketTest, TheSocketIsTheOwnersAlone) {
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder_.path() + "/s/normlabd.sock").permissions(),
            perms::owner_read | perms::owner_write);
  EXPECT_EQ(std::filesystem::status(folder_.path() + "/s").permissions(), perms::owner_all);
}

}  // namespace
}  // namespace normlab::server
