#include "base/temporary_directory.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace normlab {

namespace fs = std::filesystem;

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Make(std::string_view name) {
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / fmt::format("{}-XXXXXX", name)).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(fmt::format("create a temporary directory {}: {}", pattern, std::strerror(errno)));
  }
  return TemporaryDirectory(std::move(pattern));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) {
    fs::remove_all(path_, ignored);
  }
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}

}  // namespace normlab
