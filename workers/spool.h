// spool.h - a file without a name, on disk until its last holder is gone: what is on its way between a run and the
// server. It may be larger than memory, and a crash leaves nothing of it behind.
//
// Thread safety: Append by one thread, before anything is read; the rest, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/status.h"

namespace normlab::workers {

class SpoolFile : public ReadableFile {
 public:
  // In `directory`, which must exist. kResourceExhausted for a full disk, here and in Append.
  static absl::StatusOr<std::shared_ptr<SpoolFile>> Create(const std::string& directory);

  absl::Status Append(std::string_view data);
  std::uint32_t crc32c() const { return crc32c_; }  // of all bytes

  std::uint64_t size() const override { return size_; }
  absl::StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> out) const override;

 private:
  SpoolFile(int fd, std::string directory) : fd_(fd), directory_(std::move(directory)) {}
  absl::Status Failed(const char* doing, int error) const;

  const Descriptor fd_;
  const std::string directory_;
  std::uint64_t size_ = 0;
  std::uint32_t crc32c_ = 0;
};

}  // namespace normlab::workers
