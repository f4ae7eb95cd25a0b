// result_format.h - how a result is to be written: --format, or what the name of the file to write says.
#pragma once

#include <string>
#include <vector>

#include "client/commands/command.h"
#include "normlab/v1/papers.pb.h"

namespace normlab::client {

struct ResultFormat {
  std::vector<std::string> allowed;  // the first one if nothing says otherwise
  std::string format;                // as given
  std::string output;                // as given: a file, or - or empty for stdout
};

// Adds --format and -o.
void AddFormatOptions(Session& session, CLI::App& command, ResultFormat& format);

// JSON for --json; else what --format says; else what the file's name ends in. kInvalidArgument for a name that ends in
// something else.
absl::StatusOr<v1::Format> ChosenFormat(const Session& session, const ResultFormat& format);

}  // namespace normlab::client
