// text_lines.h - the lines of a text file that people distribute, decoded one by one, so that offsets are the file's.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

// Calls take(offset, line) for each line, in typewriter form (unicode.h); an error ends the visit. The
// file is UTF-8 or, if it is not, Windows-1252. kDataLoss with file and offset: a NUL byte, a line of more than 64 KiB.
absl::Status VisitLines(std::string_view bytes, std::string_view source,
                        const std::function<absl::Status(std::size_t offset, std::string_view line)>& take);

}  // namespace normlab::data
