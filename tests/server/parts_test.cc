// Small parts without a server: errors, addresses and tokens, command line.
#include <fmt/format.h>

#include "base/paths.h"
#include "server/edge/access.h"
#include "server/edge/errors.h"
#include "server/options.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

TEST(Errors, EveryErrorHasAReason) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  const grpc::Status status = ToGrpc(absl::NotFoundError("no job j5"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no job j5");
  EXPECT_EQ(ReasonOf(status), "NOT_FOUND");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).domain(), "normlab");
  EXPECT_EQ(ReasonOf(ToGrpc(WithReason(absl::FailedPreconditionError("x"), "STALE_ATTEMPT"))), "STALE_ATTEMPT");
}

TEST(Errors, ResourceExhaustedAlwaysSaysWhenToTryAgain) {
  EXPECT_EQ(DetailOf<google::rpc::RetryInfo>(ToGrpc(absl::ResourceExhaustedError("disk full"))).retry_delay().seconds(),
            1);
  const auto delay = DetailOf<google::rpc::RetryInfo>(
      ToGrpc(WithRetry(absl::ResourceExhaustedError("x"), std::chrono::milliseconds(2500))));
  EXPECT_EQ(delay.retry_delay().seconds(), 2);
  EXPECT_EQ(delay.retry_delay().nanos(), 500'000'000);
}

TEST(Errors, TrailersStaySmall) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 10'000; ++i) {
    violations.push_back({fmt::format("requests[{}].{}", i, std::string(1000, 'p')), std::string(1000, 'd')});
  }
  const grpc::Status status = ToGrpc(BadRequest(violations));
  EXPECT_LT(status.error_message().size() + status.error_details().size() * 4 / 3, 8000u);
  EXPECT_TRUE(BadRequest({}).ok());
}

TEST(Access, WithoutATokenNobodyOnTcpMayCall) {
  const WorkerSecrets secrets("key");
  const Access access({}, secrets);
  EXPECT_TRUE(access.Identify("unix:", "").ok());
  EXPECT_FALSE(access.Identify("ipv4:127.0.0.1:5", "").ok());
  EXPECT_FALSE(access.Identify("ipv4:127.0.0.1:5", "Bearer ").ok());
}

TEST(Access, ATokenIsItsRoleThroughBothDoors) {
  const WorkerSecrets secrets("key");
  const Access access({{Role::kViewer, "v"}, {Role::kAdmin, "a"}}, secrets);
  for (const char* peer : {"unix:", "ipv4:127.0.0.1:5", "ipv6:[::1]:5"}) {
    EXPECT_EQ(access.Identify(peer, "Bearer v")->role, Role::kViewer) << peer;
    EXPECT_EQ(access.Identify(peer, "Bearer v")->identity, "viewer token") << peer;
    EXPECT_EQ(access.Identify(peer, "Bearer a")->role, Role::kAdmin) << peer;
    EXPECT_FALSE(access.Identify(peer, "Bearer w").ok()) << peer;
    EXPECT_FALSE(access.Identify(peer, "v").ok()) << peer;
  }
}

TEST(Access, ALaunchedWorkerIsKnownByItsCredential) {
  const WorkerSecrets secrets("key");
  const Access access({{Role::kWorker, "w"}}, secrets);
  const std::string credential = secrets.CredentialOf("local-1-2");
  for (const char* peer : {"unix:", "ipv4:127.0.0.1:5"}) {
    const absl::StatusOr<Principal> worker = access.Identify(peer, "Bearer " + credential);
    ASSERT_TRUE(worker.ok()) << peer;
    EXPECT_EQ(worker->role, Role::kWorker);
    EXPECT_EQ(worker->worker_id, "local-1-2");
    EXPECT_EQ(access.Identify(peer, "Bearer w")->worker_id, "") << "started by hand";
    const std::string proof = credential.substr(credential.find('.'));
    for (const std::string& wrong :
         {"local-1-3" + proof, "local-1-2" + proof + "0", "local-1-2" + proof.substr(0, 40), std::string("local-1-2."),
          std::string("local-1-2"), proof, WorkerSecrets("other").CredentialOf("local-1-2"),
          // What an attempt shows is no credential of a worker, whatever it is called.
          "attempt 1 1." + secrets.Name({.job = 1, .number = 1}).secret()}) {
      EXPECT_FALSE(access.Identify(peer, "Bearer " + wrong).ok()) << wrong;
    }
  }
}

TEST(WorkerSecrets, ASecretIsOfOneAttemptOfOneJobOfOneHome) {
  const WorkerSecrets secrets("key");
  const v1::Attempt mine = secrets.Name({.job = 1, .number = 11});
  std::vector<FieldViolation> violations;
  EXPECT_EQ(secrets.Read(mine, violations)->number, 11);
  for (const store::AttemptId other : {store::AttemptId{1, 12}, {1, 1}, {11, 1}, {11, 11}, {2, 11}}) {
    v1::Attempt wrong = secrets.Name(other);
    wrong.set_secret(mine.secret());
    EXPECT_EQ(secrets.Read(wrong, violations).status().code(), absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(WorkerSecrets("other").Read(mine, violations).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(violations.empty());
  EXPECT_TRUE(secrets.Read({}, violations).ok());
  EXPECT_EQ(violations.size(), 2u) << "job_id and number are wrong, and told with all else that is";
}

CommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "normlabd");
  return ReadCommandLine(static_cast<int>(arguments.size()), arguments.data(), "/opt/normlab/bin");
}

TEST(CommandLine, DefaultsServeTheHome) {
  const CommandLine line = Parse({"--home", "/srv/n"});
  EXPECT_FALSE(line.done);
  EXPECT_EQ(line.daemon.socket_path, "/srv/n/run/normlabd.sock");
  EXPECT_FALSE(line.daemon.listen.has_value());
  EXPECT_GE(line.daemon.slots, 1);
  EXPECT_THAT(line.daemon.worker_argv, testing::Contains("--die-with-parent"));
  EXPECT_EQ(line.daemon.worker_argv.at(0), "/opt/normlab/bin/normlab-worker");
  EXPECT_EQ(line.daemon.attempts.lease, std::chrono::seconds(60));
  // Every slot's worker may wait, hear orders and connect, beside those that are started by hand.
  const GateLimits usual;
  EXPECT_EQ(line.daemon.limits.worker_waits, usual.worker_waits + line.daemon.slots);
  EXPECT_EQ(line.daemon.limits.worker_orders, usual.worker_orders + line.daemon.slots);
  EXPECT_EQ(line.daemon.limits.connections, usual.connections + line.daemon.slots);
}

// Whoever imports with NORMLAB_HOME=/srv/n serves with --home /srv/n, and the workers look where the server looked.
TEST(CommandLine, DataIsLookedForInTheHomeThatIsServed) {
  const CommandLine line = Parse({"--home", "/srv/n"});
  EXPECT_EQ(line.daemon.data_directories, DataDirectories("/srv/n"));
  EXPECT_THAT(line.daemon.data_directories,
              testing::IsSupersetOf({std::string("/srv/n/data"), DefaultHome() + "/data"}));
  std::vector<std::string> of_workers;
  for (std::size_t i = 1; i < line.daemon.worker_argv.size(); ++i) {
    if (line.daemon.worker_argv[i - 1] == "--data") {
      of_workers.push_back(line.daemon.worker_argv[i]);
    }
  }
  EXPECT_EQ(of_workers, line.daemon.data_directories);
}

TEST(CommandLine, WrongUsageIsCode2AndSaysWhy) {
  for (const std::vector<const char*>& bad :
       std::vector<std::vector<const char*>>{{"--listen", "0.0.0.0:80"},
                                             {"--slots", "0"},
                                             {"--slots", "1024", "--threads-per-job", "1024"},
                                             {"--bogus"},
                                             {"--token-file", "/tmp/t"},
                                             {"--lease-seconds", "x"}}) {
    const CommandLine line = Parse(bad);
    EXPECT_TRUE(line.done);
    EXPECT_EQ(line.exit_code, 2) << bad[0];
    EXPECT_NE(line.text, "");
  }
}

TEST(CommandLine, EachRoleHasATokenFileOfItsOwn) {
  const CommandLine line =
      Parse({"--home", "/n", "--listen", "127.0.0.1:0", "--role-token", "viewer", "--role-token", "worker"});
  EXPECT_FALSE(line.done) << line.text;
  EXPECT_EQ(line.daemon.token_files, (std::map<Role, std::string>{{Role::kAdmin, "/n/run/token"},
                                                                  {Role::kViewer, "/n/run/tokens/viewer"},
                                                                  {Role::kWorker, "/n/run/tokens/worker"}}));
  EXPECT_EQ(Parse({"--listen", "127.0.0.1:0", "--role-token", "king"}).exit_code, 2);
  EXPECT_EQ(Parse({"--role-token", "viewer"}).exit_code, 2) << "without a port";
}

TEST(CommandLine, HelpShowsExamplesAndExitCodes) {
  const CommandLine line = Parse({"--help"});
  EXPECT_TRUE(line.done);
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_THAT(line.text, HasSubstr("Examples:"));
  EXPECT_THAT(line.text, HasSubstr("Exit codes:"));
  EXPECT_THAT(Parse({"--version"}).text, HasSubstr("normlabd "));
}

TEST(CommandLine, NoWorkersMeansNoSlots) {
  const CommandLine line = Parse({"--no-workers", "--print-ready"});
  EXPECT_TRUE(line.daemon.worker_argv.empty());
  EXPECT_EQ(line.daemon.slots, 0);
  EXPECT_TRUE(line.print_ready);
}

}  // namespace
}  // namespace normlab::server
