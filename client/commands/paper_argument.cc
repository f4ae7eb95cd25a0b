#include "client/commands/paper_argument.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/fs.h"
#include "client/input.h"

namespace normlab::client {
namespace {

namespace fs = std::filesystem;

// CSV files beside the manifest whose names it holds.
absl::Status AddFiles(const fs::path& folder, v1::PaperManifest& manifest, const std::stop_token& stop) {
  constexpr std::uintmax_t kLargestFile = 1 << 20;
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> names, PosixFileSystem().List(folder.string()));
  for (const std::string& name : names) {
    const fs::path path = folder / name;
    std::error_code error;
    if (!name.ends_with(".csv") || manifest.text().find(name) == std::string::npos) {
      continue;
    }
    if (const auto size = fs::file_size(path, error); !error && size > kLargestFile) {
      return absl::InvalidArgumentError(
          fmt::format("{} has {} bytes; expected at most {}", path.string(), size, kLargestFile));
    }
    NORMLAB_ASSIGN_OR_RETURN((*manifest.mutable_files())[name], ReadText("PAPER", path.string(), stop));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PaperArgument> ReadPaperArgument(const std::string& word, const std::stop_token& stop) {
  if (word.find('/') == word.npos && !word.ends_with(".yaml") && !word.ends_with(".yml")) {
    return PaperArgument{.id = word, .manifest = {}};
  }
  v1::PaperManifest manifest;
  manifest.set_file_name(fs::path(word).filename().string());
  NORMLAB_ASSIGN_OR_RETURN(*manifest.mutable_text(), ReadText("PAPER", word, stop));
  const fs::path folder = fs::path(word).parent_path();
  NORMLAB_RETURN_IF_ERROR(AddFiles(folder.empty() ? fs::path(".") : folder, manifest, stop));
  return PaperArgument{.id = "", .manifest = std::move(manifest)};
}

}  // namespace normlab::client
