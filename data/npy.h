// npy.h - matrices in NumPy's .npy files, format 1.0 and 2.0: two dimensions of float32 in C order, little endian. All else is
// refused, pickled objects above all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

struct NpyMatrix {
  std::int64_t rows = 0, columns = 0;
  std::uint64_t offset = 0;  // of the first value in the file
};

// Bytes from the beginning of a file that hold its header, if that is one.
inline constexpr std::uint64_t kMostNpyHeader = 1 << 16;

// From the first min(file_bytes, kMostNpyHeader) bytes of a file of `file_bytes`, which must end with the last value.
// kDataLoss names `source`, the byte and what was expected.
absl::StatusOr<NpyMatrix> ParseNpyHeader(std::string_view beginning, std::uint64_t file_bytes, std::string_view source);

// The header of such a file, a multiple of 64 bytes.
std::string NpyHeader(std::int64_t rows, std::int64_t columns);

}  // namespace normlab::data
