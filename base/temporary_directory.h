// temporary_directory.h - a directory that goes away with its object.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab {

class TemporaryDirectory {
 public:
  // Makes <the system's temporary directory>/<name>-XXXXXX, mode 0700.
  static absl::StatusOr<TemporaryDirectory> Make(std::string_view name);
  // Removes it with all it holds. That it may fail is of no consequence.
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;  // empty: moved from
};

}  // namespace normlab
