// clock.h - the time of day as it is stored. Not for durations: it jumps.
//
// Thread safety: free function, any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace normlab {

// Milliseconds of Unix time.
inline std::int64_t UnixMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace normlab
