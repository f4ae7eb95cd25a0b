// memory_file.h - bytes in memory as a file that is read in pieces.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "base/fs.h"

namespace normlab {

class MemoryFile : public ReadableFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> out) const override {
    const std::size_t begin = std::min<std::size_t>(offset, bytes_.size());
    return bytes_.copy(out.data(), out.size(), begin);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace normlab
