#include "server/schedule/local_launcher.h"

#include <fmt/format.h>
#include <signal.h>

#include <set>

#include "base/mutex.h"
#include "tests/scratch_folder.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

class LauncherTest : public testing::Test {
 protected:
  LocalLauncherOptions Shell(const std::string& script, int slots = 1) {
    LocalLauncherOptions options;
    options.argv = {"/bin/sh", "-c", script};
    options.slots = slots;
    options.log_directory = folder_.path() + "/logs";
    options.first_pause = std::chrono::milliseconds(1);
    options.longest_pause = std::chrono::milliseconds(4);
    options.on_start = [this](std::string_view worker_id) {
      MutexLock lock(mu_);
      starts_.emplace_back(worker_id);
      return fmt::format("credential-of-{}", worker_id);
    };
    options.on_exit = [this](std::string_view worker_id, std::string_view why, bool told) {
      MutexLock lock(mu_);
      exits_.push_back({std::string(worker_id), std::string(why), told});
    };
    return options;
  }
  std::string ReadFile(const std::string& name) const { return ReadAll(folder_.path() + "/" + name); }
  std::size_t LineCount(const std::string& name) const {
    const std::string text = ReadFile(name);
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  struct Exit {
    std::string worker_id;
    std::string why;
    bool told;
  };
  std::vector<std::string> Starts() {
    MutexLock lock(mu_);
    return starts_;
  }
  std::vector<Exit> Exits() {
    MutexLock lock(mu_);
    return exits_;
  }

  ScratchFolder folder_;
  Mutex mu_;
  std::vector<std::string> starts_ ABSL_GUARDED_BY(mu_);
  std::vector<Exit> exits_ ABSL_GUARDED_BY(mu_);
};

TEST_F(LauncherTest, OneWorkerPerSlot) {
  LocalLauncher launcher(Shell("echo $$ >> " + folder_.path() + "/pids; exec sleep 1000", 3));
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("pids") == 3; }));
  launcher.Stop(kPatience);
  EXPECT_EQ(Exits().size(), 3u);
  EXPECT_EQ(LineCount("pids"), 3u);
  EXPECT_TRUE(Exits()[0].told);
  EXPECT_THAT(Exits()[0].why, HasSubstr("killed by signal 15"));
}

TEST_F(LauncherTest, ThreadsOfWorkersSleepWhileTheyWait) {
  LocalLauncher launcher(Shell("echo $OMP_WAIT_POLICY > " + folder_.path() + "/policy; exec sleep 1000"));
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("policy") == 1; }));
  EXPECT_EQ(ReadFile("policy"), "passive\n");
}

// Five starts of a worker that ends at once take at least the four growing pauses between them: 10 + 20 + 40 + 40 ms.
TEST_F(LauncherTest, AWorkerThatEndsAtOnceIsStartedLessAndLessOften) {
  LocalLauncherOptions options = Shell("exit 3");
  options.first_pause = std::chrono::milliseconds(10);
  options.longest_pause = std::chrono::milliseconds(40);
  const auto begin = std::chrono::steady_clock::now();
  LocalLauncher launcher(options);
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return Exits().size() >= 5; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(110));
}

TEST_F(LauncherTest, AWorkerThatEndsIsReportedAndReplaced) {
  LocalLauncher launcher(Shell("exit 3"));
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return Exits().size() >= 4; }));
  launcher.Stop(std::chrono::seconds(0));
  const std::vector<Exit> exits = Exits();
  EXPECT_THAT(exits[0].why, testing::EndsWith("exited with code 3"));
  EXPECT_FALSE(exits[0].told);
  EXPECT_NE(exits[0].worker_id, exits[1].worker_id);
  EXPECT_EQ(exits[0].worker_id, Starts().at(0));
  EXPECT_EQ(exits[1].worker_id, Starts().at(1));
}

TEST_F(LauncherTest, EachWorkerGetsACredentialOfItsOwnThatNoOtherEverHad) {
  std::set<std::string> ids;
  for (int launch = 0; launch < 2; ++launch) {
    LocalLauncher launcher(
        Shell("echo $NORMLAB_WORKER_CREDENTIAL >> " + folder_.path() + "/shown; exec sleep 1000", 2));
    ASSERT_TRUE(launcher.Start().ok());
    ASSERT_TRUE(Eventually([&] { return LineCount("shown") == 2 * static_cast<std::size_t>(launch + 1); }));
  }
  for (const std::string& id : Starts()) {
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_THAT(ReadFile("shown"), HasSubstr("credential-of-" + id + "\n"));
  }
  EXPECT_EQ(ids.size(), 4u);
}

// More than a program's arguments and environment may hold: the start fails as it does when the system is short of memory.
TEST_F(LauncherTest, AWorkerThatCannotBeStartedIsReportedToo) {
  LocalLauncherOptions options = Shell("exec sleep 1000");
  options.argv.push_back(std::string(1 << 20, 'x'));
  LocalLauncher launcher(options);
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return Exits().size() >= 2; }));
  EXPECT_EQ(Exits().at(0).worker_id, Starts().at(0));
  EXPECT_EQ(Exits().at(0).why, "could not be started");
  EXPECT_TRUE(Exits().at(0).told) << "it cannot have done its job any harm";
}

// The system may be out of descriptors at that moment.
TEST_F(LauncherTest, AWorkerWithoutADescriptorKeepsItsSlot) {
  LocalLauncherOptions options = Shell("echo $$ >> " + folder_.path() + "/pids; exec sleep 1000");
  options.open_pid_fd = [](int) {
    errno = EMFILE;
    return -1;
  };
  LocalLauncher launcher(options);
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("pids") == 1; }));
  ::kill(std::stoi(ReadFile("pids")), SIGKILL);
  ASSERT_TRUE(Eventually([this] { return LineCount("pids") == 2; })) << "its slot is filled again";
  EXPECT_THAT(Exits().at(0).why, HasSubstr("killed by signal 9"));
  launcher.Stop(std::chrono::seconds(20));
  EXPECT_EQ(Exits().size(), 2u) << "the second is waited for and reported";
}

TEST_F(LauncherTest, AKilledWorkerIsReportedWithItsSignal) {
  LocalLauncher launcher(Shell("echo $$ >> " + folder_.path() + "/pids; exec sleep 1000"));
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("pids") == 1; }));
  ::kill(std::stoi(ReadFile("pids")), SIGKILL);
  ASSERT_TRUE(Eventually([this] { return LineCount("pids") == 2; }));
  EXPECT_THAT(Exits().at(0).why, HasSubstr("killed by signal 9"));
}

TEST_F(LauncherTest, StopLetsWorkersWindUp) {
  LocalLauncher launcher(Shell("trap 'echo saved > " + folder_.path() + "/checkpoint; exit 0' TERM; echo up > " +
                               folder_.path() + "/up; while :; do sleep 0.01; done"));
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("up") == 1; }));
  launcher.Stop(kPatience);
  EXPECT_EQ(ReadFile("checkpoint"), "saved\n");
  EXPECT_THAT(Exits().at(0).why, testing::EndsWith("exited with code 0"));
}

TEST_F(LauncherTest, StopEndsWorkersThatDoNotListen) {
  LocalLauncher launcher(Shell("trap '' TERM; echo up > " + folder_.path() + "/up; while :; do sleep 0.01; done"));
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("up") == 1; }));
  launcher.Stop(std::chrono::milliseconds(50));
  EXPECT_THAT(Exits().at(0).why, HasSubstr("killed by signal 9"));
}

TEST_F(LauncherTest, StderrGoesToALogOfBoundedSize) {
  LocalLauncherOptions options = Shell(
      "i=0; while [ $i -lt 2000 ]; do echo \"line $i of a chatty worker\" >&2; i=$((i+1)); done; echo last words >&2; "
      "echo done > " +
      folder_.path() + "/done; exec sleep 1000");
  options.max_log_bytes = 10'000;
  LocalLauncher launcher(options);
  ASSERT_TRUE(launcher.Start().ok());
  ASSERT_TRUE(Eventually([this] { return LineCount("done") == 1; }));
  launcher.Stop(kPatience);
  EXPECT_THAT(ReadFile("logs/worker-1.log"), HasSubstr("last words\n"));
  EXPECT_LE(ReadFile("logs/worker-1.log").size(), 10'000u + 16 * 1024);
  EXPECT_LE(ReadFile("logs/worker-1.log.1").size(), 10'000u + 16 * 1024);
  EXPECT_THAT(ReadFile("logs/worker-1.log") + ReadFile("logs/worker-1.log.1"), testing::Not(HasSubstr("line 3 of")));
}

TEST_F(LauncherTest, AMissingProgramIsSaidAtOnce) {
  LocalLauncherOptions options = Shell("");
  options.argv = {folder_.path() + "/nothing"};
  LocalLauncher launcher(options);
  const absl::Status status = launcher.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr(folder_.path() + "/nothing"));
}

}  // namespace
}  // namespace normlab::server
