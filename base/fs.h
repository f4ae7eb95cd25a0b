// fs.h - files, behind an interface that tests can make fail.
//
// Everything durable goes through AtomicWrite: a reader sees the old file or the new one, whole, and after it returns
// OK the new one survives a power cut.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab {

// A file that is written once and then published under its name.
class PendingFile {
 public:
  // An unpublished file is removed.
  virtual ~PendingFile() = default;
  virtual absl::Status Append(std::string_view data) = 0;
  // fsync, rename to the final name, fsync of the directory. Call once, last.
  virtual absl::Status Publish() = 0;
};

// Thread safety: all methods, any thread. Errors name the path and what the system said; ENOSPC and EDQUOT are
// kResourceExhausted, a missing file kNotFound.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::string> Read(const std::string& path) = 0;
  // Creates `path`.tmp-<unique> beside the final name, mode 0600.
  virtual absl::StatusOr<std::unique_ptr<PendingFile>> Create(const std::string& path) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Names in a directory, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  // Creates the directory and its parents, mode 0700; OK if it is there.
  virtual absl::Status MakeDirectories(const std::string& directory) = 0;

  absl::Status AtomicWrite(const std::string& path, std::string_view data);
};

// The real one; lives for ever.
FileSystem& PosixFileSystem();

// Opens `path`, takes an exclusive flock and holds it until the returned object dies. kFailedPrecondition with the
// message of the holder (what it wrote into the file) when another process has it.
class FileLock {
 public:
  static absl::StatusOr<std::unique_ptr<FileLock>> Acquire(const std::string& path, std::string_view holder);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace normlab
