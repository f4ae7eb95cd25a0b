#include "workers/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/crc32c.h"
#include "base/failpoint.h"

namespace normlab::workers {

absl::StatusOr<std::shared_ptr<SpoolFile>> SpoolFile::Create(const std::string& directory) {
  std::string path = directory + "/normlab-spool-XXXXXX";
  std::shared_ptr<SpoolFile> file(new SpoolFile(::mkostemp(path.data(), O_CLOEXEC), directory));
  Pass(Failpoint::kSpoolMade);
  // O_TMPFILE would do both at once; file systems of containers and NFS do not know it.
  if (file->fd_.get() < 0 || ::unlink(path.c_str()) != 0) {
    return file->Failed("make", errno);
  }
  return file;
}

absl::Status SpoolFile::Failed(const char* doing, int error) const {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return absl::Status(
      full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
      fmt::format("{} a temporary file in {} ({} bytes so far): {}", doing, directory_, size_, std::strerror(error)));
}

absl::Status SpoolFile::Append(std::string_view data) {
  crc32c_ = Crc32c(data, crc32c_);
  if (const int error = WriteAll(fd_.get(), data); error != 0) {
    return Failed("write", error);
  }
  size_ += data.size();
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> SpoolFile::Read(std::uint64_t offset, std::span<char> out) const {
  const ReadResult read = ReadAt(fd_.get(), offset, out);
  if (read.error != 0) {
    return Failed("read", read.error);
  }
  return read.bytes;
}

}  // namespace normlab::workers
