// main.cc - the process around the command line: signals, clock, terminal.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/paths.h"
#include "base/signals.h"
#include "client/app.h"
#include "client/exit_code.h"

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
       .cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()))});
}
