// stream.h - how the streams that follow the store wait: woken by commits, paced, ended by the reader or the server.
//
// Thread safety: free functions on the thread of their call, which may block; any number of calls at a time.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <cstddef>

#include "server/edge/core.h"

namespace normlab::server {

// At most so often a follower looks into the store: what changes in between is sent as one.
constexpr std::chrono::milliseconds kFollowPace{50};

// Waits for news after `seen`, but never less than kFollowPace after `last_look`. OK to look again, kCancelled when the
// reader is gone, kUnavailable when the server stops.
absl::Status WaitForNews(Core& core, const Caller& caller, std::uint64_t seen,
                         std::chrono::steady_clock::time_point last_look);

// The reader is gone; nobody sees this.
absl::Status ReaderGone();

// Bytes of a file or page in one message.
inline constexpr std::size_t kPieceBytes = 256 * 1024;

// One message of a stream; waits for a slow reader.
template <typename Message>
absl::Status Send(const Message& message, grpc::ServerWriter<Message>& writer) {
  return writer.Write(message) ? absl::OkStatus() : ReaderGone();
}

}  // namespace normlab::server
