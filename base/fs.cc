#include "base/fs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>

#include "base/descriptor.h"

namespace normlab {
namespace {

absl::Status SystemError(std::string_view doing, const std::string& path, int error) {
  return normlab::SystemError(fmt::format("{} {}", doing, path), error);
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const Descriptor fd(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) {
    return SystemError("sync directory", directory, errno);
  }
  return absl::OkStatus();
}

class PosixPendingFile : public PendingFile {
 public:
  PosixPendingFile(int fd, std::string temporary, std::string path)
      : fd_(fd), temporary_(std::move(temporary)), path_(std::move(path)) {}

  ~PosixPendingFile() override {
    if (!published_) {
      ::unlink(temporary_.c_str());
    }
  }

  absl::Status Append(std::string_view data) override {
    if (const int error = WriteAll(fd_.get(), data); error != 0) {
      return SystemError("write", temporary_, error);
    }
    return absl::OkStatus();
  }

  absl::Status Publish() override {
    if (::fsync(fd_.get()) != 0) {
      return SystemError("sync", temporary_, errno);
    }
    if (const int error = fd_.Close(); error != 0) {
      return SystemError("close", temporary_, error);
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      return SystemError("rename to", path_, errno);
    }
    published_ = true;
    return SyncDirectoryOf(path_);
  }

 private:
  Descriptor fd_;
  std::string temporary_;
  std::string path_;
  bool published_ = false;
};

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(int fd, std::uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}

  std::uint64_t size() const override { return size_; }

  absl::StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> out) const override {
    const ReadResult read = ReadAt(fd_.get(), offset, out);
    if (read.error != 0) {
      return SystemError("read", path_, read.error);
    }
    return read.bytes;
  }

 private:
  Descriptor fd_;
  const std::uint64_t size_;
  const std::string path_;
};

class Posix : public FileSystem {
 public:
  absl::StatusOr<std::string> Read(const std::string& path) override {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) {
      return SystemError("open", path, errno);
    }
    std::string data;
    std::string piece(1 << 18, '\0');
    for (;;) {
      const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return SystemError("read", path, errno);
      }
      if (n == 0) {
        return data;
      }
      data.append(piece.data(), static_cast<std::size_t>(n));
    }
  }

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return SystemError("open", path, errno);
    }
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
      const int error = errno;
      ::close(fd);
      return SystemError("look at", path, error);
    }
    return std::make_unique<PosixReadableFile>(fd, static_cast<std::uint64_t>(status.st_size), path);
  }

  absl::StatusOr<std::unique_ptr<PendingFile>> Create(const std::string& path) override {
    static std::atomic<unsigned> counter{0};
    std::string temporary = fmt::format("{}.tmp-{}-{}", path, ::getpid(), counter.fetch_add(1));
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
      return SystemError("create", temporary, errno);
    }
    return std::make_unique<PosixPendingFile>(fd, std::move(temporary), path);
  }

  absl::Status Remove(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? absl::OkStatus() : SystemError("remove", path, errno);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error) {
      return SystemError("list", directory, error.value());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status MakeDirectories(const std::string& directory) override {
    std::string prefix;
    for (const auto& part : std::filesystem::path(directory)) {
      prefix = (std::filesystem::path(prefix) / part).string();
      if (prefix.empty()) {
        continue;
      }
      if (::mkdir(prefix.c_str(), 0700) == 0) {
        NORMLAB_RETURN_IF_ERROR(SyncDirectoryOf(prefix));
      } else if (errno != EEXIST) {
        return SystemError("create directory", prefix, errno);
      }
    }
    return std::filesystem::is_directory(directory) ? absl::OkStatus()
                                                    : SystemError("create directory", directory, ENOTDIR);
  }
};

}  // namespace

absl::Status FileSystem::AtomicWrite(const std::string& path, std::string_view data) {
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, Create(path));
  NORMLAB_RETURN_IF_ERROR(file->Append(data));
  return file->Publish();
}

FileSystem& PosixFileSystem() {
  static Posix fs;
  return fs;
}

absl::Status ReadPieces(const ReadableFile& file, const std::function<absl::Status(std::string_view piece)>& take) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  std::vector<char> piece(kPiece);
  for (std::uint64_t offset = 0;;) {
    NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, file.Read(offset, piece));
    if (n == 0) {
      return absl::OkStatus();
    }
    NORMLAB_RETURN_IF_ERROR(take({piece.data(), n}));
    offset += n;
  }
}

absl::StatusOr<std::string> ReadSmall(const ReadableFile& file, std::uint64_t at_most) {
  if (file.size() > at_most) {
    return absl::FailedPreconditionError(fmt::format("{} bytes, expected at most {}", file.size(), at_most));
  }
  std::string bytes(file.size(), '\0');
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, file.Read(0, bytes));
  bytes.resize(n);
  return bytes;
}

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path, std::string_view holder) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return SystemError("open lock", path, errno);
  }
  std::unique_ptr<FileLock> lock(new FileLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char text[256] = {};
    const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
    return absl::FailedPreconditionError(
        fmt::format("{} is locked by another process{}", path, n > 0 ? fmt::format(" ({})", text) : ""));
  }
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, holder.data(), holder.size(), 0) < 0) {
    return SystemError("write lock", path, errno);
  }
  return lock;
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace normlab
