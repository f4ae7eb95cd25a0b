// content.h - what an imported data set holds: nothing in the registry says. Read in pieces, for it may be large.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

struct Content {
  std::string sha256;        // of the file, uncompressed: what LoadedLines has too
  std::int64_t records = 0;  // as the registry's DataFile has them
};

// Of the file at `path`, plain or .gz. kDataLoss: not a regular file, damaged, or longer than the registry allows.
absl::StatusOr<Content> ReadContent(const DataFile& file, const std::string& path);

// The hash of the one file of an imported set, wherever it lies. kNotFound as LocateAndRead says it.
absl::StatusOr<std::string> ImportedSha256(const DatasetInfo& dataset, const std::vector<std::string>& directories);

}  // namespace normlab::data
