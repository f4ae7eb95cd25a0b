// main.cc - the process around the command line: signals, clock, terminal.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "base/paths.h"
#include "base/signals.h"
#include "client/app.h"
#include "client/exit_code.h"

namespace {

// A line from the terminal; what there is of it after a Ctrl-C.
std::string ReadAnswer(const std::stop_token& stop) {
  constexpr int kLookMs = 100;
  std::string line;
  while (!stop.stop_requested()) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    char c = 0;
    if (::poll(&in, 1, kLookMs) > 0 && (::read(STDIN_FILENO, &c, 1) != 1 || c == '\n')) {
      break;
    }
    line += c == 0 ? "" : std::string(1, c);
  }
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  std::stop_source stop;
  const normlab::SignalThread signals([&stop](int count) {
    if (count > 1) {
      ::_exit(normlab::client::kExitInterrupted);  // asked twice: at once
    }
    stop.request_stop();
  });
  normlab::client::Console console = normlab::client::Console::Standard(stop.get_token());
  return normlab::client::RunCommandLine(
      {argv + 1, argv + argc},
      {.console = console,
       .stop = stop.get_token(),
       .now = [] { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); },
       .server_program = normlab::ExecutableDirectory() + "/normlabd",
       .cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency())),
       .ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1
                  ? [stop = stop.get_token()] { return ReadAnswer(stop); }
                  : std::function<std::string()>()});
}
