// sequence_layout.h - how the columns of a batch of padded sequences lie in memory.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn {

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
