// sister_program.h - programs with the engine in them, installed beside normlab and run for one command.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::client {

// Runs the program `name` beside this one and hands on its stdout as it comes; its stderr is ours. kInvalidArgument for
// its exit status 2, kFailedPrecondition for another one, or if it is not there.
absl::Status RunSister(const std::string& name, const std::vector<std::string>& arguments,
                       const std::function<void(std::string_view)>& on_output);

}  // namespace normlab::client
