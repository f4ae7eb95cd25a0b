// limits.h - what one caller of the HTTP door may take of the server: bytes, connections and time.
//
// Thread safety: a value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace normlab::server::http {

constexpr std::size_t kMaxTold = 100;  // bytes of a caller's own text in an error

struct Limits {
  std::uint32_t header_bytes = 8 << 10;      // of a request line with its header
  std::uint64_t body_bytes = 4 << 20;        // of a request of one message, and of each line of a stream
  int connections = 128;                     // further ones are closed as they come
  std::chrono::milliseconds idle{60'000};    // from one request to the next
  std::chrono::milliseconds header{10'000};  // from its first byte to its last
  std::chrono::milliseconds body{30'000};    // of one message to its last byte, of a stream to its next piece
  std::chrono::milliseconds write{60'000};   // for a reader to take an answer, or one message of a stream
  std::chrono::milliseconds linger{2'000};   // for what a refused caller still sends
  // A stream that has nothing to say for so long says so, which also shows readers that are gone.
  std::chrono::milliseconds heartbeat{15'000};
};

}  // namespace normlab::server::http
