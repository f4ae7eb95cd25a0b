// Loaded into a program (LD_PRELOAD): its syncs fail with EIO while the file that NORMLAB_TEST_BROKEN_DISK names exists,
// its writes to a database with EDQUOT while the one that NORMLAB_TEST_FULL_QUOTA names does, and below the folder that
// NORMLAB_TEST_READ_ONLY names no file can be opened to be written. While the file that NORMLAB_TEST_SLOW_DISK names exists,
// a sync takes half a second and then adds a byte to that file.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

bool Is(const char* variable) {
  const char* const file = std::getenv(variable);
  return file != nullptr && ::access(file, F_OK) == 0;
}

bool HasNoQuota(int fd) {
  if (!Is("NORMLAB_TEST_FULL_QUOTA")) {
    return false;
  }
  char link[64], name[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, name, sizeof name);
  return size > 0 &&
         std::string_view(name, static_cast<std::size_t>(size)).find("/normlab.db") != std::string_view::npos;
}

ssize_t WriteAt(int fd, const void* data, std::size_t size, off64_t offset) {
  if (HasNoQuota(fd)) {
    errno = EDQUOT;
    return -1;
  }
  return ::syscall(SYS_pwrite64, fd, data, size, offset);
}

// The system call, unless the file is one that can only be read.
int OpenAt(int folder, const char* path, int flags, mode_t mode) {
  const char* const read_only = std::getenv("NORMLAB_TEST_READ_ONLY");
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  if (writes && read_only != nullptr && std::string_view(path).starts_with(read_only)) {
    errno = EROFS;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

// The last argument of open, which is there if a file may be made.
mode_t ModeOf(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

int Sync(long call, int fd) {
  if (Is("NORMLAB_TEST_BROKEN_DISK")) {
    errno = EIO;
    return -1;
  }
  const int result = static_cast<int>(::syscall(call, fd));
  if (const char* const slow = std::getenv("NORMLAB_TEST_SLOW_DISK")) {
    const int count = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, slow, O_WRONLY | O_APPEND | O_CLOEXEC, 0));
    if (count >= 0) {
      ::usleep(500'000);
      ::syscall(SYS_write, count, ".", 1);
      ::close(count);
    }
  }
  return result;
}

}  // namespace

#define NORMLAB_OPEN(name, more)                          \
  extern "C" int name(const char* path, int flags, ...) { \
    va_list arguments;                                    \
    va_start(arguments, flags);                           \
    const mode_t mode = ModeOf(flags, arguments);         \
    va_end(arguments);                                    \
    return OpenAt(AT_FDCWD, path, flags | more, mode);    \
  }
NORMLAB_OPEN(open, 0)
NORMLAB_OPEN(open64, O_LARGEFILE)
extern "C" int fsync(int fd) { return Sync(SYS_fsync, fd); }
extern "C" int fdatasync(int fd) { return Sync(SYS_fdatasync, fd); }
extern "C" ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return WriteAt(fd, data, size, offset);
}
extern "C" ssize_t pwrite64(int fd, const void* data, std::size_t size, off64_t offset) {
  return WriteAt(fd, data, size, offset);
}
extern "C" ssize_t write(int fd, const void* data, std::size_t size) {
  if (HasNoQuota(fd)) {
    errno = EDQUOT;
    return -1;
  }
  return ::syscall(SYS_write, fd, data, size);
}
