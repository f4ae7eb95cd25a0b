// process.h - start a sister program and wait for it. posix_spawn only: gRPC does not survive fork.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace normlab {

struct SpawnOptions {
  std::vector<std::string> argv;         // argv[0] is the program's path
  std::vector<std::string> environment;  // "NAME=value" added to, or replacing, the parent's
  int stderr_fd = -1;                    // where the child's stderr goes; -1: the parent's
  int stdout_fd = -1;
  bool own_process_group = false;  // keeps the terminal's Ctrl-C from the child
};

// The child's process id. All other descriptors of ours are close-on-exec.
absl::StatusOr<pid_t> Spawn(const SpawnOptions& options);

// "exited with code 3", "killed by signal 9 (Killed)" for a wait(2) status.
std::string DescribeExit(int wait_status);

}  // namespace normlab
