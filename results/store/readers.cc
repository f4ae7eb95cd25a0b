#include "results/store/readers.h"

#include <fmt/format.h>

namespace normlab::store {

absl::StatusOr<std::unique_ptr<Readers>> Readers::Open(const std::string& path, int count, const std::string& vfs,
                                                       std::chrono::milliseconds deadline) {
  std::unique_ptr<Readers> readers(new Readers(deadline, count));
  for (int i = 0; i < count; ++i) {
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                             Connection::Open(path, {.read_only = true, .vfs = vfs}));
    readers->GiveBack(std::move(connection));
  }
  return readers;
}

absl::StatusOr<std::unique_ptr<Connection>> Readers::Take() {
  const auto deadline = std::chrono::steady_clock::now() + deadline_;
  MutexLock lock(mutex_);
  while (paused_ || idle_.empty()) {
    if (!lock.WaitUntil(returned_, deadline) && (paused_ || idle_.empty())) {
      return absl::ResourceExhaustedError(
          fmt::format("the store is busy: no read could begin for {} ms, in which all {} connections were at work; try "
                      "again, and ask "
                      "for less at a time",
                      deadline_.count(), count_));
    }
  }
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void Readers::Pause() {
  const MutexLock lock(mutex_);
  paused_ = true;
}

void Readers::Resume() {
  const MutexLock lock(mutex_);
  paused_ = false;
  returned_.notify_all();
}

bool Readers::paused() {
  const MutexLock lock(mutex_);
  return paused_;
}

bool Readers::Idle() {
  const MutexLock lock(mutex_);
  return idle_.size() == static_cast<std::size_t>(count_);
}

void Readers::Close() {
  const MutexLock lock(mutex_);
  idle_.clear();
}

void Readers::GiveBack(std::unique_ptr<Connection> connection) {
  {
    const MutexLock lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace normlab::store
