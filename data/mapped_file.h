// mapped_file.h - a file's bytes in memory, read as they are needed, for files that are large against memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

// Read-only; any thread. Whoever cuts the file short while it is mapped ends the processes that read it.
class MappedFile {
 public:
  // kNotFound and others as the system says; kDataLoss: not a regular file.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Begins at a page of memory.
  std::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::string_view bytes) : bytes_(bytes) {}
  std::string_view bytes_;
};

}  // namespace normlab::data
