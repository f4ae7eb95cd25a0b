#include "base/signals.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

namespace normlab {
namespace {

// Every body runs in a process of its own: signals are the process's.
class SignalThreadTest : public testing::Test {
 protected:
  // Exits with the last count told after `send`, once `until` of them have come; 0 if none comes where none is due.
  template <typename Send>
  static void CountInThisProcess(int until, const Send& send) {
    int ends[2];
    if (::pipe(ends) != 0) {
      ::_exit(99);
    }
    const SignalThread thread([&](int count) {
      const char byte = static_cast<char>(count);
      (void)!::write(ends[1], &byte, 1);
    });
    send();
    char last = 0;
    for (int i = 0; i < until; ++i) {
      (void)!::read(ends[0], &last, 1);
    }
    ::_exit(last);
  }
};

TEST_F(SignalThreadTest, AHangupAsksToStop) {
  EXPECT_EXIT(CountInThisProcess(1, [] { ::kill(::getpid(), SIGHUP); }), testing::ExitedWithCode(1), "");
}

TEST_F(SignalThreadTest, AHangupIsNeverTheSecondRequest) {
  const auto twice = [] {
    ::kill(::getpid(), SIGTERM);
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGINT);
  };
  // Lowest numbers come first of those that wait; whatever the order, the hangup adds nothing once one has come.
  EXPECT_EXIT(CountInThisProcess(2, twice), testing::ExitedWithCode(2), "");
}

TEST_F(SignalThreadTest, UnderNohupAHangupIsNothing) {
  const auto send = [] {
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGTERM);
  };
  const auto ignoring = [&] {
    ::signal(SIGHUP, SIG_IGN);
    CountInThisProcess(1, send);
  };
  EXPECT_EXIT(ignoring(), testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace normlab
