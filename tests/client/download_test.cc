// Files of jobs: in pieces, whole or not at all, and given up only when the server stops sending.
#include "client/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/client/command_test.h"
#include "tests/peak_memory.h"
#include "tests/sanitizer.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class DownloadTest : public testing::Test {
 protected:
  Client Connected(std::chrono::milliseconds piece_patience = kPiecePatience) const {
    return Client(*Connect({.home = server_.home()}), {}, piece_patience);
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Content(const std::string& name) const { return ReadAll(Path(name)); }

  FakeServer server_;
  const ScratchFolder folder_;
};

// Client and server of this test are one process: what either holds is counted.
TEST_F(DownloadTest, AFileLargerThanAllMemoryAllowedPassesInPieces) {
  constexpr std::uint64_t kSize = std::uint64_t{256} << 20, kAllowed = std::uint64_t{32} << 20;
  Client client = Connected();
  server_.artifacts["j1 warm"] = "warm";
  ASSERT_TRUE(DownloadArtifact(client, "j1", "warm", Path("warm"), {}).ok());
  ForgetPeakMemory();
  const std::uint64_t idle = PeakMemory();
  server_.zeros = kSize;
  const auto bytes = DownloadArtifact(client, "j1", "zeros", Path("zeros"), {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(*bytes, kSize);
  EXPECT_EQ(fs::file_size(Path("zeros")), kSize);
  EXPECT_TRUE(kSanitized || PeakMemory() < idle + kAllowed) << PeakMemory() - idle;
}

TEST_F(DownloadTest, AnEmptyFileIsAFile) {
  Client client = Connected();
  server_.artifacts["j1 empty"] = "";
  ASSERT_TRUE(DownloadArtifact(client, "j1", "empty", Path("empty"), {}).ok());
  EXPECT_TRUE(fs::exists(Path("empty")));
}

TEST_F(DownloadTest, OnlyAServerThatStopsSendingIsGivenUp) {
  server_.artifacts["j1 weights"] = "12345678";
  server_.artifacts_stall = true;
  Client client = Connected(std::chrono::milliseconds(20));
  const absl::Status stalled = DownloadArtifact(client, "j1", "weights", Path("weights"), {}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(stalled)) << stalled;
  EXPECT_THAT(Message(stalled), HasSubstr("sent nothing of weights of j1 for 0.02 s"));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
  EXPECT_EQ(server_.artifact_deadline, std::chrono::system_clock::time_point::max()) << "all of it may take any time";
}

TEST_F(DownloadTest, WhatIsMissingOrDamagedLeavesTheOldFile) {
  std::ofstream(Path("old")) << "old";
  fs::create_hard_link(Path("old"), Path("second name"));  // so it would be written in place
  Client client = Connected();
  EXPECT_TRUE(absl::IsNotFound(DownloadArtifact(client, "j1", "none", Path("old"), {}).status()));
  EXPECT_EQ(Content("old"), "old");
  fs::remove(Path("second name"));
  server_.artifacts["j1 weights"] = "12345678";
  server_.damage_artifacts = true;
  EXPECT_TRUE(absl::IsDataLoss(DownloadArtifact(client, "j1", "weights", Path("old"), {}).status()));
  EXPECT_EQ(Content("old"), "old");
}

TEST_F(DownloadTest, AFullDiskEndsTheTransfer) {
  if (!fs::exists("/dev/full")) {
    GTEST_SKIP() << "this system has no /dev/full";
  }
  server_.artifacts["j1 weights"] = "12345678";
  fs::create_symlink("/dev/full", Path("full"));
  Client client = Connected();
  EXPECT_TRUE(absl::IsResourceExhausted(DownloadArtifact(client, "j1", "weights", Path("full"), {}).status()));
}

}  // namespace
}  // namespace normlab::client
