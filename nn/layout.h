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

enum class SequenceOrder {
  kTimeMajor,   // the examples of a time step side by side: for recurrence, which takes a step at a time
  kBatchMajor,  // the steps of an example side by side: for what goes over time
};

// A batch of sequences of F features is F x (steps * batch).
struct SequenceLayout {
  Index steps = 1, batch = 1;
  SequenceOrder order = SequenceOrder::kTimeMajor;

  Index cols() const { return steps * batch; }
  Index time_stride() const { return order == SequenceOrder::kTimeMajor ? batch : 1; }
  Index example_stride() const { return order == SequenceOrder::kTimeMajor ? 1 : steps; }
  // Where step t of example b is.
  Index column(Index t, Index b) const { return t * time_stride() + b * example_stride(); }
  // Whose step a column is, and which.
  Index example(Index column) const { return column / example_stride() % batch; }
  Index step(Index column) const { return column / time_stride() % steps; }
};

}  // namespace normlab::nn
