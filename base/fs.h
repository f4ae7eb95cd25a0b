// fs.h - files, behind an interface that tests can make fail.
//
// Everything durable goes through AtomicWrite: a reader sees the old file or the new one, whole, and after it returns
// OK the new one survives a power cut.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
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

// A file open for reading, in pieces; it can be read to its end even if its name is removed meanwhile.
//
// Thread safety: all methods, any thread.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual std::uint64_t size() const = 0;  // bytes, when it was opened
  // Fills `out` with the bytes from `offset` on. How many there were: fewer than asked for only at the end of the file.
  virtual absl::StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> out) const = 0;
};

// Thread safety: all methods, any thread. Errors name the path and what the system said; ENOSPC and EDQUOT are
// kResourceExhausted, a missing file kNotFound.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::string> Read(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) = 0;
  // Creates `path`.tmp-<unique> beside the final name, mode 0600.
  virtual absl::StatusOr<std::unique_ptr<PendingFile>> Create(const std::string& path) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Names in a directory, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  // Creates the directory and its parents, mode 0700, and syncs what it made; OK if it is there.
  virtual absl::Status MakeDirectories(const std::string& directory) = 0;

  absl::Status AtomicWrite(const std::string& path, std::string_view data);
};

// The real one; lives for ever.
FileSystem& PosixFileSystem();

// Gives a file to `take` piece by piece, from its beginning to its end; ends with the first error.
absl::Status ReadPieces(const ReadableFile& file, const std::function<absl::Status(std::string_view piece)>& take);

// The whole of a file that ought to be small. kFailedPrecondition if it has more than `at_most` bytes.
absl::StatusOr<std::string> ReadSmall(const ReadableFile& file, std::uint64_t at_most);

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
