// gzip.h - files that may be gzip-compressed, read whole into memory, never beyond a bound the caller gives.
//
// Hostile input is expected: a compressed file may promise little and hold gigabytes. Memory grows with what is really
// there and stops at the bound. Errors are kDataLoss and name the file (`source`) and the byte offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

// The content of the regular file at `path`, as stored; kDataLoss if it is longer than `max_bytes`, before reading it.
absl::StatusOr<std::string> ReadBounded(const std::string& path, std::int64_t max_bytes);

// `raw` itself, or what it uncompresses to if it begins like a gzip file. At most `max_bytes`. `source` is for
// messages.
absl::StatusOr<std::string> Uncompressed(std::string raw, std::int64_t max_bytes, std::string_view source);

// `content` as a gzip file; the same bytes each time.
std::string Gzipped(std::string_view content);

}  // namespace normlab::data
