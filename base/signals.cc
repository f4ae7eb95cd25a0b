#include "base/signals.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace normlab {
namespace {

bool IsIgnored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

SignalThread::SignalThread(std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)), wake_fd_(::eventfd(0, EFD_CLOEXEC)) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  if (!IsIgnored(SIGHUP)) {
    sigaddset(&stop, SIGHUP);
  }
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const int signal_fd = ::signalfd(-1, &stop, SFD_CLOEXEC);
  thread_ = std::thread([this, signal_fd] {
    int count = 0;
    for (;;) {
      pollfd fds[] = {{signal_fd, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0) {
        continue;
      }
      if (fds[1].revents != 0) {
        break;
      }
      signalfd_siginfo info;
      if (::read(signal_fd, &info, sizeof info) != sizeof info) {
        continue;
      }
      if (info.ssi_signo == SIGHUP && count > 0) {
        continue;  // a terminal that closes says so twice, by its shell and by itself
      }
      on_signal_(++count);
    }
    ::close(signal_fd);
  });
}

SignalThread::~SignalThread() {
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
  thread_.join();
  ::close(wake_fd_);
}

}  // namespace normlab
