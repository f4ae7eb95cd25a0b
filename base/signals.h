// signals.h - SIGINT, SIGTERM and SIGHUP as calls on an ordinary thread.
#pragma once

#include <functional>
#include <thread>

namespace normlab {

// Blocks the signals in the calling thread and every thread started after it, and calls `on_signal(count)` on a thread
// of its own for each that arrives: 1 for the first ("please stop"), 2 for the second ("stop now"). Make it first in
// main. A SIGHUP that is ignored at the start stays so (nohup). Ignores SIGPIPE and SIGXFSZ: writes fail instead.
class SignalThread {
 public:
  explicit SignalThread(std::function<void(int count)> on_signal);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  std::function<void(int)> on_signal_;
  int wake_fd_;
  std::thread thread_;
};

}  // namespace normlab
