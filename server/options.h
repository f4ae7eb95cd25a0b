// options.h - the command line of normlabd.
//
// Thread safety: the main thread, before there are others.
#pragma once

#include <string>

#include "base/status.h"
#include "server/daemon.h"

namespace normlab::server {

struct CommandLine {
  DaemonOptions daemon;
  bool print_ready = false;
  bool print_link = false;
  bool while_used = false;  // end once nobody holds a share of UsersPath(socket)
  std::string restore;      // a backup to be put into daemon.home, instead of serving; empty: none
  // The program ends with `exit_code` after `text` was printed: --help, --version, or wrong usage.
  bool done = false;
  int exit_code = 0;
  std::string text;
};

// `program_directory`: where the worker program stands. Wrong usage is `done` with exit code 2 and a text for stderr.
CommandLine ReadCommandLine(int argc, const char* const* argv, const std::string& program_directory);

}  // namespace normlab::server
