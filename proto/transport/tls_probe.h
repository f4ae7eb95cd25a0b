// tls_probe.h - why a server cannot be reached by TLS, in words. gRPC says only that it could not.
//
// Thread safety: free function, any thread; blocks.
#pragma once

#include <chrono>

#include "base/status.h"
#include "proto/transport/channel.h"

namespace normlab {

// Connects to `target.address` as a client with these files would, and shakes hands. OK: that can be done. kNotFound: nobody
// listens there. Otherwise kUnavailable with the cause and what to do.
absl::Status ProbeTls(const DialTarget& target, std::chrono::milliseconds patience);

}  // namespace normlab
