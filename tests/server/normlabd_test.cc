// The program itself: readiness, exit codes, signals.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/process.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

class NormlabdTest : public testing::Test {
 protected:
  // Starts the program with its output in files.
  pid_t Start(const std::vector<std::string>& arguments) {
    SpawnOptions options;
    options.argv = {NORMLABD};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const int out = ::open((folder_.path() + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int err = ::open((folder_.path() + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    options.stdout_fd = out;
    options.stderr_fd = err;
    const absl::StatusOr<pid_t> pid = Spawn(options);
    ::close(out);
    ::close(err);
    EXPECT_TRUE(pid.ok());
    return *pid;
  }
  pid_t StartServing() {
    const pid_t pid = Start({"--home", folder_.path() + "/home", "--no-workers", "--print-ready"});
    EXPECT_TRUE(Eventually([this] { return !Read("out").empty(); })) << Read("err");
    return pid;
  }
  static int Wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  ScratchFolder folder_;
};

TEST_F(NormlabdTest, ServesAndStopsOnSigterm) {
  const pid_t pid = StartServing();
  EXPECT_EQ(Read("out"), "ready " + folder_.path() + "/home/run/normlabd.sock\n");
  const auto stub = v1::JobService::NewStub(
      grpc::CreateChannel("unix:" + folder_.path() + "/home/run/normlabd.sock", grpc::InsecureChannelCredentials()));
  CallContext context;
  v1::ListJobsResponse response;
  EXPECT_TRUE(stub->ListJobs(&context, {}, &response).ok());
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0) << Read("err");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/home/run/normlabd.sock"));
}

TEST_F(NormlabdTest, ASecondServerExitsWith1AndNamesTheFirst) {
  const pid_t first = StartServing();
  EXPECT_EQ(Wait(Start({"--home", folder_.path() + "/home", "--no-workers"})), 1);
  EXPECT_THAT(Read("err"), HasSubstr("process " + std::to_string(first)));
  ::kill(first, SIGTERM);
  EXPECT_EQ(Wait(first), 0);
}

TEST_F(NormlabdTest, AKilledServerIsReplacedWithoutManualWork) {
  const pid_t first = StartServing();
  ::kill(first, SIGKILL);
  EXPECT_EQ(Wait(first), -SIGKILL);
  const pid_t second = StartServing();
  ::kill(second, SIGINT);
  EXPECT_EQ(Wait(second), 0) << Read("err");
}

TEST_F(NormlabdTest, ExitCodesOfWrongUsageAndHelp) {
  EXPECT_EQ(Wait(Start({"--listen", "0.0.0.0:0"})), 2);
  EXPECT_THAT(Read("err"), HasSubstr("TLS"));
  EXPECT_EQ(Wait(Start({"--frobnicate"})), 2);
  EXPECT_EQ(Wait(Start({"--help"})), 0);
  EXPECT_THAT(Read("out"), HasSubstr("Examples:"));
}

TEST_F(NormlabdTest, AHomeThatCannotBeMadeIsSaid) {
  EXPECT_EQ(Wait(Start({"--home", "/dev/null/home", "--no-workers"})), 1);
  EXPECT_THAT(Read("err"), HasSubstr("/dev/null"));
}

}  // namespace
}  // namespace normlab::server
