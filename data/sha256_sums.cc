#include "data/sha256_sums.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/text.h"

namespace normlab::data {
namespace {

constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kBetween = "  ";

}  // namespace

std::string FormatSums(const std::vector<FileSum>& sums) {
  std::string text;
  for (const FileSum& sum : sums) {
    text += fmt::format("{}{}{}\n", sum.sha256, kBetween, sum.name);
  }
  return text;
}

absl::StatusOr<std::vector<FileSum>> ParseSums(std::string_view text, std::string_view source) {
  std::vector<FileSum> sums;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view hash = line.substr(0, kHashDigits);
    const std::string_view name = line.substr(std::min(kHashDigits + kBetween.size(), line.size()));
    if (!IsSha256Hex(hash) || line.substr(kHashDigits, kBetween.size()) != kBetween || name.empty() ||
        name.find('/') != std::string_view::npos) {
      return absl::DataLossError(fmt::format("{}: line {}: '{}'; expected a SHA-256, two blanks and a file's name",
                                             source, sums.size() + 1, OneLine(line, 80)));
    }
    sums.push_back({std::string(hash), std::string(name)});
  }
  return sums;
}

absl::Status CheckSum(const FileSum& sum, std::string_view bytes, std::string_view path) {
  const std::string hash = Sha256Hex(bytes);
  return hash == sum.sha256
             ? absl::OkStatus()
             : absl::DataLossError(fmt::format("{}: has sha256 {}; {} beside it says {}. Import the data set again",
                                               path, hash, kSumsName, sum.sha256));
}

}  // namespace normlab::data
