#include "base/command.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <thread>

#include "tests/scratch_folder.h"

namespace normlab {
namespace {

using std::chrono::milliseconds;

Command Shell(const std::string& script) { return {.argv = {"/bin/sh", "-c", script}}; }

TEST(Command, BothStreamsAndTheStatusAreTaken) {
  const auto result = RunCommand(Shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
  EXPECT_EQ(WEXITSTATUS(result->wait_status), 3);
}

TEST(Command, MoreThanAPipeHolds) {
  const auto result =
      RunCommand(Shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; echo 0123456789 >&2; i=$((i+1)); done"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out.size(), 220'000u);
  EXPECT_EQ(result->err.size(), 220'000u);
}

TEST(Command, WordsAreNeverReadByAShell) {
  const auto result = RunCommand({.argv = {"/bin/echo", "$HOME; `id`"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->out, "$HOME; `id`\n");
}

// A launcher of the site may leave something behind that keeps the streams open.
TEST(Command, WhatItLeavesBehindIsNotWaitedFor) {
  const auto result = RunCommand(Shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(::kill(std::stoi(result->out), SIGKILL), 0) << "it still runs";
}

TEST(Command, OneThatTakesTooLongIsEndedWithItsChildren) {
  const ScratchFolder folder;
  const std::string file = folder.path() + "/pid";
  Command command = Shell(fmt::format("sleep 1000 & echo $! > {}.new; mv {}.new {}; wait", file, file, file));
  command.patience = milliseconds(500);
  EXPECT_EQ(RunCommand(command).status().code(), absl::StatusCode::kDeadlineExceeded);
  int child = 0;
  if (std::ifstream(file) >> child) {  // else it was ended before it had one
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(100);
    while (::kill(child, 0) == 0 && std::chrono::steady_clock::now() < deadline) {
      std::ifstream stat(fmt::format("/proc/{}/stat", child));
      std::string line;
      std::getline(stat, line);
      if (line.find(") Z ") != std::string::npos) {
        break;  // ended, and nobody has collected it
      }
      std::this_thread::yield();
    }
    EXPECT_LT(std::chrono::steady_clock::now(), deadline);
  }
}

TEST(Command, OneThatIsGivenUpOrSaysTooMuchIsEnded) {
  Command command = Shell("exec sleep 1000");
  command.given_up = [] { return true; };
  EXPECT_EQ(RunCommand(command).status().code(), absl::StatusCode::kCancelled);
  Command chatty = Shell("while :; do echo 0123456789012345678901234567890123456789; done");
  chatty.most_output = 100'000;
  EXPECT_EQ(RunCommand(chatty).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Command, OneThatIsNotThereIsSaid) {
  EXPECT_EQ(RunCommand({.argv = {"/nowhere/sbatch"}}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace normlab
