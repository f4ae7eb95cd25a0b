// Who may call what: every method of every service, found by reflection, so that a new one cannot be forgotten.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "normlab/v1/options.pb.h"
#include "proto/transport/token.h"
#include "server/edge/roles.h"
#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

const std::vector<std::string> kServices = {"normlab.v1.JobService",      "normlab.v1.CurveService",
                                            "normlab.v1.ArtifactService", "normlab.v1.ExperimentService",
                                            "normlab.v1.PaperService",    "normlab.v1.ComparisonService",
                                            "normlab.v1.ImportService",   "normlab.v1.WorkerService",
                                            "normlab.v1.AdminService",    "tensorboard.data.TensorBoardDataProvider",
                                            "mlflow.TrackingService"};

std::vector<std::string> AllMethods() {
  std::vector<std::string> methods;
  for (const std::string& name : kServices) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) {
      methods.push_back("/" + name + "/" + service->method(i)->name());
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

// The methods' own options say who may call; this says what the options mean, and walks all methods with all roles.
class RolesTest : public TcpTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = TcpTest::Options();
    for (const Role role : {Role::kViewer, Role::kSubmitter, Role::kWorker}) {
      options.token_files[role] = TokenFile(role);
    }
    return options;
  }
  std::string TokenFile(Role role) const {
    return role == Role::kAdmin ? folder_.path() + "/token"
                                : fmt::format("{}/tokens/{}", folder_.path(), RoleName(role));
  }
};

const std::map<v1::Access, std::set<Role>> kAllowed = {
    {v1::ACCESS_VIEWER, {Role::kViewer, Role::kSubmitter, Role::kAdmin}},
    {v1::ACCESS_SUBMITTER, {Role::kSubmitter, Role::kAdmin}},
    {v1::ACCESS_WORKER, {Role::kWorker, Role::kAdmin}},
    {v1::ACCESS_ADMIN, {Role::kAdmin}}};

// Of "/normlab.v1.JobService/GetJob".
v1::Access AccessOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return google::protobuf::DescriptorPool::generated_pool()
      ->FindMethodByName(fmt::format("{}.{}", path.substr(1, slash - 1), path.substr(slash + 1)))
      ->options()
      .GetExtension(v1::access);
}

TEST_F(RolesTest, EveryMethodAnswersTheRolesItNamesAndNoOther) {
  const auto channels = {TcpChannel(), NewChannel()};
  for (const std::string& method : AllMethods()) {
    const auto allowed = kAllowed.find(AccessOf(method));
    ASSERT_NE(allowed, kAllowed.end()) << method << " does not say who may call it";
    for (const Role role : {Role::kViewer, Role::kSubmitter, Role::kWorker, Role::kAdmin}) {
      const std::string authorization = AuthorizationOf(*ReadToken(TokenFile(role)));
      // A job id that is none, so that nothing is followed for ever.
      const std::string message = method.ends_with("/WatchJobs") ? "\x0a\x01x" : "";
      for (const auto& channel : channels) {
        const RawAnswer answer = CallRaw(channel, method, message, authorization);
        EXPECT_EQ(answer.status.error_code() != grpc::StatusCode::PERMISSION_DENIED, allowed->second.contains(role))
            << method << " called by a " << RoleName(role) << ": " << answer.status.error_message();
      }
    }
  }
  RecordReliability(33, fmt::format("{} methods, 4 roles, 2 doors: exactly those", AllMethods().size()));
}

// Said a second time, so that nobody opens a method by a slip, and a new one is thought about.
const std::map<std::string, v1::Access> kMethods = {{"AdminService/Check", v1::ACCESS_ADMIN},
                                                    {"AdminService/CollectGarbage", v1::ACCESS_ADMIN},
                                                    {"AdminService/CreateBackup", v1::ACCESS_ADMIN},
                                                    {"AdminService/CreateToken", v1::ACCESS_ADMIN},
                                                    {"AdminService/Drain", v1::ACCESS_ADMIN},
                                                    {"AdminService/GetMetrics", v1::ACCESS_VIEWER},
                                                    {"AdminService/GetStatus", v1::ACCESS_VIEWER},
                                                    {"AdminService/ListBackups", v1::ACCESS_VIEWER},
                                                    {"AdminService/ListTokens", v1::ACCESS_ADMIN},
                                                    {"AdminService/ReadAudit", v1::ACCESS_ADMIN},
                                                    {"AdminService/RevokeToken", v1::ACCESS_ADMIN},
                                                    {"AdminService/RotateToken", v1::ACCESS_ADMIN},
                                                    {"AdminService/StartScrub", v1::ACCESS_ADMIN},
                                                    {"ArtifactService/ListArtifacts", v1::ACCESS_VIEWER},
                                                    {"ArtifactService/ReadArtifact", v1::ACCESS_VIEWER},
                                                    {"ArtifactService/ReadCheckpoint", v1::ACCESS_SUBMITTER},
                                                    {"ComparisonService/CompareJobs", v1::ACCESS_VIEWER},
                                                    {"ComparisonService/PlotJobs", v1::ACCESS_VIEWER},
                                                    {"CurveService/ListSeries", v1::ACCESS_VIEWER},
                                                    {"CurveService/ReadCurve", v1::ACCESS_VIEWER},
                                                    {"CurveService/WatchCurves", v1::ACCESS_VIEWER},
                                                    {"ExperimentService/DescribeExperiment", v1::ACCESS_VIEWER},
                                                    {"ExperimentService/ListExperiments", v1::ACCESS_VIEWER},
                                                    {"ImportService/ImportJob", v1::ACCESS_ADMIN},
                                                    {"JobService/BatchCreateJobs", v1::ACCESS_SUBMITTER},
                                                    {"JobService/CancelJob", v1::ACCESS_SUBMITTER},
                                                    {"JobService/CancelJobs", v1::ACCESS_SUBMITTER},
                                                    {"JobService/CreateJob", v1::ACCESS_SUBMITTER},
                                                    {"JobService/DeleteJob", v1::ACCESS_ADMIN},
                                                    {"JobService/DeleteJobs", v1::ACCESS_ADMIN},
                                                    {"JobService/GetJob", v1::ACCESS_VIEWER},
                                                    {"JobService/ListAttempts", v1::ACCESS_VIEWER},
                                                    {"JobService/ListJobs", v1::ACCESS_VIEWER},
                                                    {"JobService/ListWorkers", v1::ACCESS_VIEWER},
                                                    {"JobService/ReadLog", v1::ACCESS_SUBMITTER},
                                                    {"JobService/ResumeJob", v1::ACCESS_SUBMITTER},
                                                    {"JobService/ResumeJobs", v1::ACCESS_SUBMITTER},
                                                    {"JobService/UpdateJobs", v1::ACCESS_SUBMITTER},
                                                    {"JobService/WatchJobs", v1::ACCESS_VIEWER},
                                                    {"PaperService/GetFigure", v1::ACCESS_VIEWER},
                                                    {"PaperService/GetReport", v1::ACCESS_VIEWER},
                                                    {"PaperService/GetTable", v1::ACCESS_VIEWER},
                                                    {"PaperService/ListPapers", v1::ACCESS_VIEWER},
                                                    {"PaperService/PlanReproduction", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/GetExperiment", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ListBlobSequences", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ListPlugins", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ListRuns", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ListScalars", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ListTensors", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ReadBlob", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ReadBlobSequences", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ReadScalars", v1::ACCESS_VIEWER},
                                                    {"TensorBoardDataProvider/ReadTensors", v1::ACCESS_VIEWER},
                                                    {"TrackingService/CreateExperiment", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/CreateLoggedModel", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/CreateRun", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/DeleteRun", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/DeleteTag", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/FinalizeLoggedModel", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/GetExperiment", v1::ACCESS_VIEWER},
                                                    {"TrackingService/GetExperimentByName", v1::ACCESS_VIEWER},
                                                    {"TrackingService/GetLoggedModel", v1::ACCESS_VIEWER},
                                                    {"TrackingService/GetMetricHistory", v1::ACCESS_VIEWER},
                                                    {"TrackingService/GetRun", v1::ACCESS_VIEWER},
                                                    {"TrackingService/GetServerInfo", v1::ACCESS_VIEWER},
                                                    {"TrackingService/ListArtifacts", v1::ACCESS_VIEWER},
                                                    {"TrackingService/ListFiles", v1::ACCESS_VIEWER},
                                                    {"TrackingService/LogBatch", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/LogInputs", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/LogLoggedModelParams", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/LogMetric", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/LogOutputs", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/LogParam", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/ReadFile", v1::ACCESS_VIEWER},
                                                    {"TrackingService/RestoreRun", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/SearchExperiments", v1::ACCESS_VIEWER},
                                                    {"TrackingService/SearchLoggedModels", v1::ACCESS_VIEWER},
                                                    {"TrackingService/SearchRuns", v1::ACCESS_VIEWER},
                                                    {"TrackingService/SetExperimentTag", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/SetLoggedModelTags", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/SetTag", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/UpdateRun", v1::ACCESS_SUBMITTER},
                                                    {"TrackingService/WriteFile", v1::ACCESS_SUBMITTER},
                                                    {"WorkerService/AppendPoints", v1::ACCESS_WORKER},
                                                    {"WorkerService/AwaitOrder", v1::ACCESS_WORKER},
                                                    {"WorkerService/Finish", v1::ACCESS_WORKER},
                                                    {"WorkerService/GetCheckpoint", v1::ACCESS_WORKER},
                                                    {"WorkerService/Heartbeat", v1::ACCESS_WORKER},
                                                    {"WorkerService/Lease", v1::ACCESS_WORKER},
                                                    {"WorkerService/PutArtifact", v1::ACCESS_WORKER},
                                                    {"WorkerService/PutCheckpoint", v1::ACCESS_WORKER},
                                                    {"WorkerService/Start", v1::ACCESS_WORKER}};

TEST(Roles, EveryMethodIsForThoseItWasMeantFor) {
  std::map<std::string, v1::Access> said;
  for (const std::string& path : AllMethods()) {
    said[path.substr(path.rfind('.') + 1)] = AccessOf(path);
  }
  EXPECT_EQ(said, kMethods);
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

// A message of the method that names `attempt`; absent if its requests name none.
std::optional<std::string> MessageNaming(const google::protobuf::MethodDescriptor& method, const v1::Attempt& attempt) {
  using google::protobuf::Message;
  const std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
  Message* holder = message.get();
  if (const auto* header = holder->GetDescriptor()->FindFieldByName("header")) {
    holder = holder->GetReflection()->MutableMessage(holder, header);
  }
  const auto* field = holder->GetDescriptor()->FindFieldByName("attempt");
  if (field == nullptr) {
    return std::nullopt;
  }
  holder->GetReflection()->MutableMessage(holder, field)->CopyFrom(attempt);
  return message->SerializeAsString();
}

// A guessed number is not enough, whoever guesses: here it is the owner.
TEST_F(SocketTest, EveryCallThatNamesAnAttemptShowsItsSecret) {
  Create(1);
  Create(2);
  const v1::Attempt mine = LeaseOne().attempt();
  v1::Attempt silent = mine;
  silent.clear_secret();
  v1::Attempt borrowed = mine;
  borrowed.set_secret(LeaseOne().attempt().secret());
  v1::Attempt next = mine;
  next.set_number(2);
  v1::Attempt cut = mine;
  cut.mutable_secret()->pop_back();
  const auto* service =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName("normlab.v1.WorkerService");
  for (int i = 0; i < service->method_count(); ++i) {
    const auto& method = *service->method(i);
    const std::string path = fmt::format("/{}/{}", service->full_name(), method.name());
    ASSERT_EQ(MessageNaming(method, mine).has_value(), method.name() != "Lease") << path;
    if (method.name() == "Lease") {
      continue;  // it gives the secret
    }
    for (const v1::Attempt& wrong : {silent, borrowed, next, cut}) {
      const RawAnswer answer = CallRaw(NewChannel(), path, *MessageNaming(method, wrong), "");
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << path;
      EXPECT_EQ(ReasonOf(answer.status), "ATTEMPT_SECRET") << path;
      EXPECT_EQ(answer.first_message, "") << path;
    }
    const RawAnswer answer = CallRaw(NewChannel(), path, *MessageNaming(method, mine), "");
    EXPECT_NE(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << path;
  }
  EXPECT_EQ(Get(mine.job_id()).state(), v1::JOB_STATE_RUNNING);
}

TEST_F(SocketTest, ReflectionListsTheServicesThisTestKnows) {
  const RawAnswer answer =
      CallRaw(NewChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*", "");
  std::set<std::string> services;
  for (const std::string package : {"normlab.v1.", "tensorboard.data.", "mlflow."}) {
    for (std::size_t at = 0; (at = answer.first_message.find(package, at)) != std::string::npos; at += package.size()) {
      const std::size_t end = answer.first_message.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", at + package.size());
      services.insert(answer.first_message.substr(at, end - at));
    }
  }
  EXPECT_EQ(services, std::set<std::string>(kServices.begin(), kServices.end()));
}

TEST_F(SocketTest, HealthAnswersForTheServerAndForEveryService) {
  const std::string serving = "\x08\x01";
  EXPECT_EQ(CallRaw(NewChannel(), "/grpc.health.v1.Health/Check", "", "").first_message, serving);
  for (const std::string& name : kServices) {
    const std::string request = fmt::format("\x0a{}{}", static_cast<char>(name.size()), name);
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
  RecordReliability(23, fmt::format("{} messages refused", 3 * AllMethods().size()));
}

TEST_F(SocketTest, TheSocketIsTheOwnersAlone) {
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder_.path() + "/s/normlabd.sock").permissions(),
            perms::owner_read | perms::owner_write);
  EXPECT_EQ(std::filesystem::status(folder_.path() + "/s").permissions(), perms::owner_all);
}

}  // namespace
}  // namespace normlab::server
