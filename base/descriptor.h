// descriptor.h - file descriptors: owned, written to the last byte, and as a std::streambuf.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace normlab {

// Closes what it owns.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  // The error of close(2), 0 if none; closing twice is harmless.
  int Close();
  int get() const { return fd_; }

 private:
  int fd_;
};

// "text: what the system says of `error`" with the code that goes with it: kNotFound for ENOENT, kPermissionDenied,
// kResourceExhausted for a full disk or file limit, else kUnavailable.
absl::Status SystemError(std::string_view text, int error);

// Writes all of `data`, waiting for slow readers. The error of write(2), 0 if none; ECANCELED once `stop` is requested
// while a reader keeps it waiting. A pipe without a reader is EPIPE where SIGPIPE is ignored.
int WriteAll(int fd, std::string_view data, const std::stop_token& stop = {});

// Reads from `offset` on until `out` is full or the file ends: how many bytes there were, and the error of pread(2), 0 if
// none.
struct ReadResult {
  std::size_t bytes = 0;
  int error = 0;
};
ReadResult ReadAt(int fd, std::uint64_t offset, std::span<char> out);

// A buffer for std::ostream. The stream goes bad at the first failed write, which error() remembers.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int fd, std::stop_token stop = {});
  int error() const { return error_; }

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  const int fd_;
  const std::stop_token stop_;
  int error_ = 0;
  std::array<char, 1 << 16> buffer_;
};

// Writes `text` to stdout, for programs that print once and end. False if it could not, after a line on stderr that says
// why, with `program` before it.
bool PrintToStdout(std::string_view program, std::string_view text);

}  // namespace normlab
