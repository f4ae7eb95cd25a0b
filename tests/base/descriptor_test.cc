#include "base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <string>
#include <thread>

namespace normlab {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
    ::signal(SIGPIPE, SIG_IGN);
  }
  Descriptor read_end, write_end;
};

TEST(DescriptorTest, WritesMoreThanAPipeHolds) {
  Pipe pipe;
  const std::string sent(1'000'000, 'x');
  std::string received;
  std::thread reader([&] {
    char piece[1 << 16];
    for (ssize_t n = 0; (n = ::read(pipe.read_end.get(), piece, sizeof piece)) > 0;) {
      received.append(piece, static_cast<std::size_t>(n));
    }
  });
  EXPECT_EQ(WriteAll(pipe.write_end.get(), sent), 0);
  pipe.write_end.Close();
  reader.join();
  EXPECT_EQ(received, sent);
}

TEST(DescriptorTest, WaitingForASlowReaderEndsWithAStop) {
  Pipe pipe;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(WriteAll(pipe.write_end.get(), std::string(1'000'000, 'x'), stop.get_token()), ECANCELED);
}

TEST(DescriptorTest, AStreamGoesBadAndRemembersWhy) {
  Pipe pipe;
  pipe.read_end.Close();
  DescriptorBuffer buffer(pipe.write_end.get());
  std::ostream out(&buffer);
  out << "x";
  EXPECT_TRUE(out.good()) << "it is buffered";
  out.flush();
  EXPECT_FALSE(out.good());
  EXPECT_EQ(buffer.error(), EPIPE);
}

}  // namespace
}  // namespace normlab
