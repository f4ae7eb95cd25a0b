// npy.h - the points of a series as a NumPy array file (format 1.0): records of step (u8), value (f8) and wall_ms (i8), little
// endian. numpy.load reads it; the bits of values are kept, NaN included.
//
// Thread safety: free functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::client {

struct NpyPoints {
  std::vector<std::uint64_t> steps;
  std::vector<double> values;
  std::vector<std::int64_t> wall_ms;  // as many of each
};

inline constexpr std::size_t kNpyRecord = 24;  // bytes of a point

std::string WriteNpy(const NpyPoints& points);

// kDataLoss for anything but what WriteNpy writes.
absl::StatusOr<NpyPoints> ReadNpy(std::string_view bytes);

}  // namespace normlab::client
