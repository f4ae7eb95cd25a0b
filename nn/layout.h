// layout.h - what the axes of a value mean where rows and columns alone do not say.
//
// An image batch is C x (P B): column b * P + p holds the channels of position p = y * width + x of example b, so that
// channels are contiguous, then x, y and examples (others call it NHWC). As (C P) x B, one column is one example
// (ops/reshape.h). A sequence is F x (T B), time-major: column t * B + b is example b at time t. Batch-major, column
// b * T + t, keeps the steps of an example side by side (ops/columns.h goes from one to the other).
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn {

struct Image {
  Index channels = 1, height = 1, width = 1;

  Index positions() const { return height * width; }
  Index values() const { return channels * positions(); }
  bool operator==(const Image&) const = default;
};

}  // namespace normlab::nn
