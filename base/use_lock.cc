#include "base/use_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include "base/fs.h"

namespace normlab {

absl::StatusOr<UseLock> UseLock::Open(const std::string& path, bool create) {
  if (create) {
    NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(std::filesystem::path(path).parent_path().string()));
  }
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600));
  if (fd.get() < 0) {
    return SystemError(path, errno);
  }
  return UseLock(std::move(fd));
}

bool UseLock::TryShare() { return ::flock(fd_.get(), LOCK_SH | LOCK_NB) == 0; }
bool UseLock::TryAlone() { return ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0; }
void UseLock::Release() { ::flock(fd_.get(), LOCK_UN); }

}  // namespace normlab
