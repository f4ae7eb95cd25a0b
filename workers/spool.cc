#include "workers/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/crc32c.h"

namespace normlab::workers {

absl::StatusOr<std::shared_ptr<SpoolFile>> SpoolFile::Create(const std::string& directory) {
  std::string path = directory + "/normlab-spool-XXXXXX";
  std::shared_ptr<SpoolFile> file(new SpoolFile(::mkostemp(path.data(), O_CLOEXEC), directory));
  // O_TMPFILE would do both at once; file systems of containers and NFS do not know it.
  if (file->fd_ < 0 || ::unlink(path.c_str()) != 0) {
    return file->Failed("make");
  }
  return file;
}

SpoolFile::~SpoolFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

absl::Status SpoolFile::Failed(const char* doing) const {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return absl::Status(
      full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
      fmt::format("{} a temporary file in {} ({} bytes so far): {}", doing, directory_, size_, std::strerror(error)));
}

absl::Status SpoolFile::Append(std::string_view data) {
  crc32c_ = Crc32c(data, crc32c_);
  while (!data.empty()) {
    const ssize_t n = ::write(fd_, data.data(), data.size());
    if (n < 0 && errno != EINTR) {
      return Failed("write");
    }
    if (n > 0) {
      data.remove_prefix(static_cast<std::size_t>(n));
      size_ += static_cast<std::uint64_t>(n);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> SpoolFile::Read(std::uint64_t offset, std::span<char> out) const {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t n = ::pread(fd_, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (n < 0 && errno != EINTR) {
      return Failed("read");
    }
    if (n == 0) {
      break;
    }
    filled += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return filled;
}

}  // namespace normlab::workers
