#include "server/edge/news.h"

namespace normlab::server {
namespace {

constexpr int kSliceMs = 100;  // how long the thread may be deaf to Close

}  // namespace

News::News(store::Store& store) : store_(store), thread_([this, seen = store.WaitForCommit(0, 0)] { Run(seen); }) {}

News::~News() {
  Close();
  thread_.join();
}

std::uint64_t News::Current() {
  MutexLock lock(mu_);
  return current_;
}

void News::WaitNewer(std::uint64_t seen, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mu_);
  while (!closed_ && current_ == seen && lock.WaitUntil(changed_, deadline)) {
  }
}

void News::JobDeleted() {
  MutexLock lock(mu_);
  ++deletions_;
  ++current_;
  changed_.notify_all();
}

std::uint64_t News::deletions() {
  MutexLock lock(mu_);
  return deletions_;
}

void News::Close() {
  MutexLock lock(mu_);
  closed_ = true;
  changed_.notify_all();
}

void News::Run(std::uint64_t seen) {
  for (;;) {
    const std::uint64_t now = store_.WaitForCommit(seen, kSliceMs);
    MutexLock lock(mu_);
    if (closed_) {
      return;
    }
    if (now != seen) {
      seen = now;
      ++current_;
      changed_.notify_all();
    }
  }
}

}  // namespace normlab::server
