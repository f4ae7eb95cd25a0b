// Loaded into a program (LD_PRELOAD): its syncs fail with EIO while the file that NORMLAB_TEST_BROKEN_DISK names exists.
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

namespace {

bool Broken() {
  const char* const file = std::getenv("NORMLAB_TEST_BROKEN_DISK");
  return file != nullptr && ::access(file, F_OK) == 0;
}

int Sync(long call, int fd) {
  if (Broken()) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

extern "C" int fsync(int fd) { return Sync(SYS_fsync, fd); }
extern "C" int fdatasync(int fd) { return Sync(SYS_fdatasync, fd); }
