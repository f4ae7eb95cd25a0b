#include "workers/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/fs.h"
#include "tests/scratch_folder.h"

namespace normlab::workers {
namespace {

using testing::HasSubstr;

TEST(ChannelTest, OnlyLoopbackIsSpokenInTheClear) {
  for (const char* address : {"127.0.0.1:7070", "localhost:7070", "[::1]:7070"}) {
    EXPECT_TRUE(OpenChannel("", address).ok()) << address;
  }
  for (const char* address : {"10.0.0.1:7070", "example.org:7070", "0.0.0.0:7070", "127"}) {
    EXPECT_THAT(Message(OpenChannel("", address).status()), HasSubstr("ssh -L 7070:127.0.0.1:7070")) << address;
  }
}

TEST(ChannelTest, ATokenFileMustBePrivate) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/token";
  EXPECT_EQ(ReadToken(path).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(PosixFileSystem().AtomicWrite(path, "secret\n").ok());
  EXPECT_EQ(*ReadToken(path), "secret");
  ::chmod(path.c_str(), 0640);
  EXPECT_THAT(Message(ReadToken(path).status()), HasSubstr("chmod 600 " + path));
}

}  // namespace
}  // namespace normlab::workers
