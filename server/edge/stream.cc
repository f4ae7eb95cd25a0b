#include "server/edge/stream.h"

#include <thread>

namespace normlab::server {
namespace {

// How long a stream may be deaf to its reader's end.
constexpr std::chrono::milliseconds kSlice{250};

}  // namespace

absl::Status ReaderGone() { return absl::CancelledError("the reader is gone"); }

absl::Status WaitForNews(Core& core, const Caller& caller, std::uint64_t seen,
                         std::chrono::steady_clock::time_point last_look) {
  std::this_thread::sleep_until(last_look + kFollowPace);
  for (;;) {
    if (core.gate.draining()) {
      return Stopping();
    }
    if (caller.cancelled()) {
      return ReaderGone();
    }
    if (core.news.Current() != seen) {
      return absl::OkStatus();
    }
    core.news.WaitNewer(seen, kSlice);
  }
}

}  // namespace normlab::server
