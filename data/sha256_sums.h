// sha256_sums.h - a list of files with the SHA-256 of each, as sha256sum writes it: what an import of many files is known by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::data {

inline constexpr std::string_view kSumsName = "SHA256SUMS";

struct FileSum {
  std::string sha256;
  std::string name;  // of a file beside the list
};

std::string FormatSums(const std::vector<FileSum>& sums);

// kDataLoss names `source` and the line. Names are of files in the list's own folder.
absl::StatusOr<std::vector<FileSum>> ParseSums(std::string_view text, std::string_view source);

// kDataLoss unless `bytes`, the content of the file at `path`, are what the list says of it.
absl::Status CheckSum(const FileSum& sum, std::string_view bytes, std::string_view path);

}  // namespace normlab::data
