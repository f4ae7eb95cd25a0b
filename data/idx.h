// idx.h - the IDX format of MNIST: a magic number with type and rank, big-endian extents, row-major values.
//
// Reads arrays of unsigned bytes, the only type the data sets use. Input may be hostile: every extent is checked
// against the bytes that are there, and nothing is allocated from what the header says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::data {

struct IdxArray {
  std::vector<std::int64_t> shape;  // slowest index first: {60000, 28, 28}
  std::string values;               // one unsigned byte each, as many as the product of the shape
};

// Takes the uncompressed file. kDataLoss names `source`, the byte offset, what is there and what was expected.
absl::StatusOr<IdxArray> ParseIdx(std::string bytes, std::string_view source);

}  // namespace normlab::data
