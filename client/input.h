// input.h - files that a person names on the command line, read whole.
#pragma once

#include <stop_token>
#include <string>

#include "base/status.h"

namespace normlab::client {

// The text of `path`, or of stdin for "-". kInvalidArgument, with `argument` ("--file") before it, if it cannot be read
// or is not UTF-8; kCancelled once `stop` is requested while stdin keeps us waiting.
absl::StatusOr<std::string> ReadText(const std::string& argument, const std::string& path, const std::stop_token& stop);

}  // namespace normlab::client
