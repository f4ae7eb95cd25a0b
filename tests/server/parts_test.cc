// Small parts without a server: errors, addresses and tokens, command line.
#include <fmt/format.h>

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
  const Access access("");
  EXPECT_TRUE(access.Identify("unix:", "").ok());
  EXPECT_FALSE(access.Identify("ipv4:127.0.0.1:5", "").ok());
  EXPECT_FALSE(access.Identify("ipv4:127.0.0.1:5", "Bearer ").ok());
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
  EXPECT_NE(line.daemon.attempts.host, "");
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
