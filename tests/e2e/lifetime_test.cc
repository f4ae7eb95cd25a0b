// When servers end that commands started: with their last user, with the terminal, and not under nohup.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/process.h"
#include "tests/scratch_folder.h"

namespace normlab::e2e {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{120};

// Six runs of days, so that whatever ends here was ended.
constexpr char kEndless[] = R"(schema: 2
id: endless
title: Runs without an end
items:
  pen:
    title: Pens
    place: Figure 1
    experiment: handwriting
    fields: {dataset: synthetic_pen, scale: per_line, units: 16, max_steps: 60, train_lines: 8, test_lines: 4, evaluation_interval: 2}
    x: {series: train/update, unit: update}
    metrics:
      nll: {label: NLL, unit: nats, series: test/nll, digits: 1}
    arms:
      none: {label: Baseline, fields: {norm: none}}
      layer: {label: LayerNorm, fields: {norm: layer}}
    reference: printed.csv
    budgets:
      days: {summary: without an end, seeds: 3, end: 100000000, fields: {updates: 100000000}}
    claims:
      - {id: lower, statement: LayerNorm writes better, rule: lower, metric: nll, arm: layer, than: none}
)";

class LifetimeTest : public testing::Test {
 protected:
  LifetimeTest() {
    std::ofstream(Path("endless.yaml")) << kEndless;
    std::ofstream(Path("printed.csv")) << "arm,from,to,nll\nnone,2,4,100\n";
  }
  ~LifetimeTest() override {
    for (const pid_t pid : started_) {
      ::kill(pid, SIGTERM);
      ::waitpid(pid, nullptr, 0);
    }
    if (HasFailure()) {
      std::cerr << Content("log");
    }
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Content(const std::string& name) const { return ReadAll(Path(name)); }

  // A command in the background. Checkpoints are those of an orderly end alone: the interval is an hour.
  pid_t Start(std::vector<std::string> words, bool nohup = false) {
    words.insert(words.begin(), ExecutableDirectory() + "/normlab");
    if (nohup) {
      words.insert(words.begin(), {"/usr/bin/env", "nohup"});
    }
    words.insert(words.end(), {"--home", Path("home")});
    const Descriptor out(::open(Path("out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const Descriptor log(::open(Path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const auto pid = Spawn({.argv = words,
                            .environment = {"NORMLAB_CHECKPOINT_INTERVAL=3600"},
                            .stderr_fd = log.get(),
                            .stdout_fd = out.get()});
    EXPECT_TRUE(pid.ok()) << pid.status();
    started_.push_back(*pid);
    return *pid;
  }
  int ExitCode(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    std::erase(started_, pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Run(const std::vector<std::string>& words) { return ExitCode(Start(words)); }

  pid_t Reproduce(bool nohup = false) {
    return Start({"reproduce", Path("endless.yaml"), "--budget", "days", "--jobs", "1", "--out", Path("report")},
                 nohup);
  }
  // The first job has done some updates.
  void AwaitPoints() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (Run({"export", "j1", "--series", "test/nll"}) != 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing is trained";
    }
  }
  void SubmitAndAwaitPoints() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (Run({"submit", "handwriting", "--dataset", "synthetic_pen", "--scale", "per_line", "--units", "16",
                "--max-steps", "60", "--train-lines", "8", "--test-lines", "4", "--updates", "100000000",
                "--evaluation-interval", "2"}) != 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the server does not come up";
    }
    AwaitPoints();
  }

  // The process that listens on the socket of this home, as a descriptor that can be waited for.
  Descriptor Server() const {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = SocketPath(Path("home"));
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ucred peer{};
    socklen_t size = sizeof peer;
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
  }
  static bool HasEnded(const Descriptor& process, std::chrono::milliseconds patience) {
    pollfd event{process.get(), POLLIN, 0};
    return ::poll(&event, 1, static_cast<int>(patience.count())) == 1;
  }
  bool HasCheckpoint() const {
    return std::filesystem::exists(Path("home/checkpoints")) && !std::filesystem::is_empty(Path("home/checkpoints"));
  }

 private:
  const ScratchFolder folder_;
  std::vector<pid_t> started_;
};

TEST_F(LifetimeTest, APrivateServerEndsWithItsLastUser) {
  const pid_t first = Reproduce();
  AwaitPoints();
  const Descriptor server = Server();
  const pid_t second = Reproduce();
  const pid_t third = Start({"watch", "j1"});
  while (Content("log").find("--jobs and --stall-seconds are not used") == std::string::npos) {
    ASSERT_EQ(::waitpid(second, nullptr, WNOHANG), 0);  // it says so once it uses the server
    std::this_thread::yield();
  }
  ::kill(first, SIGINT);
  EXPECT_EQ(ExitCode(first), 130);
  EXPECT_FALSE(HasEnded(server, std::chrono::milliseconds(0)));
  EXPECT_EQ(Run({"show", "j1"}), 0) << "others still use it";
  ::kill(third, SIGKILL);  // however a user ends
  EXPECT_EQ(ExitCode(third), -SIGKILL);
  EXPECT_EQ(Run({"show", "j1"}), 0);
  ::kill(second, SIGKILL);
  EXPECT_EQ(ExitCode(second), -SIGKILL);
  EXPECT_TRUE(HasEnded(server, kPatience));
  EXPECT_TRUE(HasCheckpoint());
  EXPECT_EQ(Run({"show", "j1"}), 3);
}

TEST_F(LifetimeTest, ReproduceWaitsForAServerThatHoldsTheHomeAndDoesNotServe) {
  std::filesystem::create_directory(Path("home"));
  auto held = FileLock::Acquire(Path("home/normlabd.lock"), "one that ends");
  ASSERT_TRUE(held.ok()) << held.status();
  const pid_t reproduce = Reproduce();
  while (Content("log").find("starts or ends just now; waiting") == std::string::npos) {
    ASSERT_EQ(::waitpid(reproduce, nullptr, WNOHANG), 0) << "it gave up";
    std::this_thread::yield();
  }
  held->reset();
  AwaitPoints();
  ::kill(reproduce, SIGINT);
  EXPECT_EQ(ExitCode(reproduce), 130);
}

TEST_F(LifetimeTest, ReproduceEndsWithItsTerminalAfterACheckpoint) {
  const pid_t reproduce = Reproduce();
  AwaitPoints();
  const Descriptor server = Server();
  ::kill(reproduce, SIGHUP);
  EXPECT_EQ(ExitCode(reproduce), 130);
  EXPECT_TRUE(HasEnded(server, kPatience));
  EXPECT_TRUE(HasCheckpoint());
}

TEST_F(LifetimeTest, ReproduceGoesOnUnderNohup) {
  const pid_t reproduce = Reproduce(/*nohup=*/true);
  AwaitPoints();
  const Descriptor server = Server();
  ::kill(reproduce, SIGHUP);
  for (const char* job : {"j1", "j2", "j3", "j4", "j5", "j6"}) {
    EXPECT_EQ(Run({"cancel", job}), 0);
  }
  EXPECT_EQ(ExitCode(reproduce), 1) << "it followed its runs to the end, and they were cancelled";
  EXPECT_THAT(Content("log"), HasSubstr("Some runs did not finish"));
  EXPECT_TRUE(HasEnded(server, kPatience));
}

TEST_F(LifetimeTest, UpEndsWithItsTerminalAfterACheckpoint) {
  const pid_t up = Start({"up", "--jobs", "1"});
  SubmitAndAwaitPoints();
  ::kill(up, SIGHUP);
  EXPECT_EQ(ExitCode(up), 0);
  EXPECT_TRUE(HasCheckpoint());
}

TEST_F(LifetimeTest, UpGoesOnUnderNohup) {
  const pid_t up = Start({"up", "--jobs", "1"}, /*nohup=*/true);
  SubmitAndAwaitPoints();
  ::kill(up, SIGHUP);
  EXPECT_EQ(Run({"cancel", "j1"}), 0);
  EXPECT_EQ(Run({"watch", "j1"}), 1) << "the worker heard of it and the server said so";
  ::kill(up, SIGTERM);
  EXPECT_EQ(ExitCode(up), 0);
}

}  // namespace
}  // namespace normlab::e2e
