// command.h - run another program to its end and take what it says. argv, never a shell.
//
// Thread safety: free function, any thread; blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace normlab {

struct Command {
  std::vector<std::string> argv;  // argv[0] is the program's path
  std::chrono::milliseconds patience{20'000};
  std::size_t most_output = 16 << 20;        // bytes of each stream
  std::function<bool()> given_up = nullptr;  // asked some fifty times a second; the program is ended once it says so
};

struct CommandResult {
  int wait_status = 0;  // of wait(2), see DescribeExit
  std::string out;
  std::string err;
};

// kUnavailable: it could not be started. kDeadlineExceeded, kCancelled (given up) and kResourceExhausted (it said too much): it was
// ended with its process group, and whether it had done its work nobody knows.
absl::StatusOr<CommandResult> RunCommand(const Command& command);

}  // namespace normlab
