// locate.h - where the files of a data set lie on this machine, and whether they are the right ones.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

// The first of the file's candidates that exists, looking through `directories` in order.
std::optional<std::string> Locate(const DataFile& file, const std::vector<std::string>& directories);

// The uncompressed content of the file at `path`. kDataLoss names the file and both hashes when it is not what the
// registry says; without a pinned hash only its size is bounded.
absl::StatusOr<std::string> ReadVerified(const DataFile& file, const std::string& path);

// What Locate finds. kNotFound says where was looked and every way to get the data set.
absl::StatusOr<std::string> LocateOrExplain(const DatasetInfo& dataset, const DataFile& file,
                                            const std::vector<std::string>& directories);

// ReadVerified of that.
absl::StatusOr<std::string> LocateAndRead(const DatasetInfo& dataset, const DataFile& file,
                                          const std::vector<std::string>& directories);

struct FileReport {
  enum class State { kOk, kMissing, kWrong };
  std::string name;
  State state;
  std::string path;    // empty: missing
  std::string detail;  // for kWrong: what is wrong with it
};

// One report a file, in the registry's order. Reads and hashes every file that is there, and those that a list of hashes
// (sha256_sums.h) names.
std::vector<FileReport> Verify(const DatasetInfo& dataset, const std::vector<std::string>& directories);

}  // namespace normlab::data
