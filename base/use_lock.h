// use_lock.h - who uses a server that is to end with its last user: shared locks (flock) on a file beside its socket. A
// process that dies, however it dies, gives its share back.
//
// One thread.
#pragma once

#include <string>

#include "base/descriptor.h"
#include "base/status.h"

namespace normlab {

// What normlabd exits with when another one holds its home: that one serves, or it is about to, or it is ending.
constexpr int kExitHomeInUse = 5;

class UseLock {
 public:
  // Opens the file and, if `create`, makes it and its folder. Holds nothing yet.
  static absl::StatusOr<UseLock> Open(const std::string& path, bool create);

  // A share, beside those of others. False while one process has the lock alone.
  bool TryShare();
  // The lock alone: from now on nobody gets a share. False while others have one; then ours, if we had one, may be lost.
  bool TryAlone();
  void Release();

 private:
  explicit UseLock(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace normlab
