// sister_program.h - programs with the engine in them, installed beside normlab and run for one command.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::client {

// Runs the program `name` beside this one and hands on its stdout as it comes. What it says on stderr is the message of
// its failure: kInvalidArgument for its exit status 2, kInternal for another one; kUnavailable if it cannot be started.
// kCancelled once `stop` is requested, after it has been stopped.
absl::Status RunSister(const std::string& name, const std::vector<std::string>& arguments, const std::stop_token& stop,
                       const std::function<void(std::string_view)>& on_output);

}  // namespace normlab::client
