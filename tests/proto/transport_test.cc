// What counts as loopback, which token files are read, and what is refused before anything is sent.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "proto/transport/address.h"
#include "proto/transport/channel.h"
#include "proto/transport/token.h"
#include "tests/scratch_folder.h"

namespace normlab {
namespace {

using testing::HasSubstr;

TEST(ReadLoopback, KnowsLoopbackByItsNumber) {
  const auto target = [](std::string_view address) { return GrpcTarget(*ReadLoopback("--address", address)); };
  EXPECT_EQ(target("127.0.0.1:80"), "ipv4:127.0.0.1:80");
  EXPECT_EQ(target("127.8.9.255:0"), "ipv4:127.8.9.255:0");
  EXPECT_EQ(target("localhost:65535"), "ipv4:127.0.0.1:65535");
  EXPECT_EQ(target("[::1]:443"), "ipv6:[::1]:443");
  EXPECT_EQ(target("[0:0:0:0:0:0:0:1]:443"), "ipv6:[::1]:443");
}

TEST(ReadLoopback, NothingElseIsSpokenInTheClear) {
  for (const std::string bad : {"127.0.0.1.evil.example:7070",
                                "127.evil.example:7070",
                                "localhost.evil.example:7070",
                                "localhost.:7070",
                                "LOCALHOST:7070",
                                "127.0.0.1.:7070",
                                "127.1:7070",
                                "0127.0.0.1:7070",
                                "2130706433:7070",
                                "0x7f.0.0.1:7070",
                                "user@127.0.0.1:7070",
                                "127.0.0.1@evil.example:7070",
                                "localhost:x@evil.example:7070",
                                "[::1]:7070@evil:80",
                                "[::1%lo]:7070",
                                "[::1].evil.example:7070",
                                "::1:7070",
                                "[::ffff:127.0.0.1]:7070",
                                "[::]:7070",
                                "[fe80::1]:7070",
                                "0.0.0.0:7070",
                                "128.0.0.1:7070",
                                "10.0.0.1:7070",
                                "example.org:7070",
                                ":7070",
                                "*:7070",
                                "[]:7070",
                                "unix:/tmp/s:7070",
                                "unix://127.0.0.1:7070",
                                "dns:///127.0.0.1:7070",
                                "ipv4:127.0.0.1:7070",
                                "127.0.0.1,evil.example:7070",
                                " 127.0.0.1:7070",
                                "127.0.0.1/evil:7070"}) {
    const absl::Status status = ReadLoopback("--address", bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(Message(status), HasSubstr("--address " + bad)) << bad;
    EXPECT_THAT(Message(status), HasSubstr("ssh -L 7070:127.0.0.1:7070")) << bad;
  }
  EXPECT_FALSE(ReadLoopback("--address", std::string_view("127.0.0.1\0.evil.example:7070", 28)).ok());
  for (const std::string bad : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:+1",
                                "127.0.0.1:65536", "127.0.0.1:80 ", "[::1]", "unix:/tmp/s", ""}) {
    EXPECT_THAT(Message(ReadLoopback("--address", bad).status()), HasSubstr("an address and a port")) << bad;
  }
}

TEST(SocketAddress, IsChecked) {
  EXPECT_STREQ(SocketAddress("/a#b")->sun_path, "/a#b");
  EXPECT_TRUE(SocketAddress(std::string(107, 's')).ok());
  for (const std::string& bad : {std::string(), std::string(108, 's'), std::string("\0a", 2)}) {
    EXPECT_THAT(Message(SocketAddress(bad).status()), HasSubstr("choose a shorter --home or --socket"));
  }
  EXPECT_THAT(Message(SocketAddress("/a,b/s").status()), HasSubstr("choose another --home or --socket"));
}

class TokenTest : public testing::Test {
 protected:
  void Write(const std::string& text) const {
    std::ofstream(path_) << text;
    std::filesystem::permissions(path_, std::filesystem::perms(0600));
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/token";
  const std::string good_ = std::string(64, 'a');
};

TEST_F(TokenTest, IsMadeOnceForItsOwnerOnly) {
  const ::mode_t mask = ::umask(0);
  const absl::StatusOr<std::string> made = ReadOrMakeToken(path_);
  ::umask(mask);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->size(), 64u);
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(*ReadOrMakeToken(path_), *made);
  EXPECT_EQ(*ReadToken(path_), *made);
  EXPECT_NE(*ReadOrMakeToken(folder_.path() + "/other"), *made);
}

TEST_F(TokenTest, FilesOthersMayReadAreRefused) {
  Write(good_);
  for (const int mode : {0640, 0604, 0620, 0610}) {
    std::filesystem::permissions(path_, std::filesystem::perms(mode));
    for (const auto& token : {ReadToken(path_), ReadOrMakeToken(path_)}) {
      EXPECT_EQ(token.status().code(), absl::StatusCode::kPermissionDenied);
      EXPECT_THAT(Message(token.status()), HasSubstr("chmod 600 " + path_));
    }
  }
}

TEST_F(TokenTest, WhatIsNoTokenIsRefused) {
  EXPECT_EQ(ReadToken(path_).status().code(), absl::StatusCode::kNotFound);
  for (const std::string& bad :
       {std::string(), std::string("short\n"), good_ + "\n" + good_ + "\n", good_ + "\x80", std::string(513, 'a')}) {
    Write(bad);
    EXPECT_EQ(ReadToken(path_).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  Write(good_ + " \r\n");
  EXPECT_EQ(*ReadToken(path_), good_);
  EXPECT_EQ(ReadToken(folder_.path()).status().code(), absl::StatusCode::kInvalidArgument);
  const std::string pipe = folder_.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(ReadToken(pipe).status().code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::create_symlink(folder_.path() + "/nowhere", folder_.path() + "/link");
  EXPECT_FALSE(ReadOrMakeToken(folder_.path() + "/link").ok());
}

TEST_F(TokenTest, TravelsAsABearer) {
  EXPECT_EQ(TokenOf(AuthorizationOf(good_)), good_);
  for (const std::string& other : {std::string(), good_, "bearer " + good_, "Basic " + good_, std::string("Bearer")}) {
    EXPECT_EQ(TokenOf(other), "") << other;
  }
}

TEST_F(TokenTest, DialShowsItOnLoopbackOnly) {
  Write(good_);
  EXPECT_EQ(Dial({.address = "127.0.0.1:1", .token_file = path_}, {})->authorization, "Bearer " + good_);
  EXPECT_EQ(Dial({.address = "127.0.0.1:1"}, {})->authorization, "");
  EXPECT_EQ(Dial({.socket = "/s"}, {})->authorization, "");
  const auto refused = [](const DialTarget& target) {
    const absl::Status status = Dial(target, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return Message(status);
  };
  EXPECT_THAT(refused({.address = "127.0.0.1.evil.example:7070", .token_file = path_}), HasSubstr("ssh -L"));
  EXPECT_THAT(refused({.address = "127.0.0.1:0", .token_file = path_}), HasSubstr("1 to 65535"));
  EXPECT_THAT(refused({.socket = "/s", .token_file = path_}), HasSubstr("goes with --address"));
  EXPECT_THAT(refused({.address = "127.0.0.1:1", .token_file = path_ + "x"}), HasSubstr("--token-file: open"));
  EXPECT_THAT(refused({.socket = std::string(200, 'x')}), HasSubstr("choose a shorter --home"));
}

}  // namespace
}  // namespace normlab
