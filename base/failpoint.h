// failpoint.h - named points at the edges of what is made durable, where a test can end the process.
//
// They are always compiled in: one relaxed load of a pointer that nothing but a test sets. tests/e2e/failpoint_test.cc
// kills a process at each of them, and fails for one that is never passed.
//
// Thread safety: Pass from any thread; the pointer is set before there are others.
#pragma once

#include <atomic>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace normlab {

enum class Failpoint {
  // results/store: the writer's transaction, its log, and files beside rows
  kCommitBegins,
  kCommitted,
  kLogBegins,
  kFileWritten,
  kFilePublished,
  kFileNamed,
  // server/schedule: a job that is given out and taken back
  kLeaseStored,
  kAttemptEnds,
  kAttemptEnded,
  // workers: a checkpoint on its way, and whatever is sent
  kSpoolMade,
  kCheckpointWritten,
  kOutboxSends,
  kOutboxSent,
  kFinishSends,
  kFinishSent,
};
inline constexpr std::string_view kFailpointNames[] = {
    "commit_begins",      "committed",    "log_begins",   "file_written",  "file_published",
    "file_named",         "lease_stored", "attempt_ends", "attempt_ended", "spool_made",
    "checkpoint_written", "outbox_sends", "outbox_sent",  "finish_sends",  "finish_sent"};
static_assert(std::size(kFailpointNames) == static_cast<std::size_t>(Failpoint::kFinishSent) + 1);

// Called at every point that is passed; none: nothing is.
inline std::atomic<void (*)(Failpoint)> failpoint_hook{nullptr};

inline void Pass(Failpoint point) {
  if (auto* const hook = failpoint_hook.load(std::memory_order_relaxed); hook != nullptr) [[unlikely]] {
    hook(point);
  }
}

}  // namespace normlab
