// app.h - the `normlab` command line as a function: arguments in, exit code out. main.cc is its only caller besides
// tests.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/console.h"

namespace normlab::client {

// What the command line takes from the process around it.
struct Environment {
  Console& console;
  std::stop_token stop;                   // requested by Ctrl-C and SIGTERM
  std::function<double()> now;            // Unix time in seconds
  std::string server_program;             // path of normlabd
  int cores = 1;                          // of this machine
  std::function<std::string()> ask = {};  // a line of a person who sits there; absent: nobody does
};

// `arguments` without the program's name. Writes to the console, returns an ExitCode.
int RunCommandLine(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace normlab::client
