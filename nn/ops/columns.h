// columns.h - cutting a sequence F x (T*B) into time steps F x B and putting it together again, going from one order of
// its columns to the other, and choosing among the examples of a step.
#pragma once

#include <span>

#include "nn/tape.h"

namespace normlab::nn {

// The `blocks` blocks of x, left to right, each of x.cols() / blocks columns. They share x's memory, and their
// gradients become x's without a copy. The span lives until the tape's reset().
template <typename T>
std::span<const BasicVar<T>> split_columns(BasicVar<T> x, Index blocks);

// Blocks of as many rows side by side, copied. At least one.
template <typename T>
BasicVar<T> join_columns(std::span<const BasicVar<T>> blocks);

// The same columns in the other order (layout.h), copied. x: F x (T B), time-major in the first, batch-major in the
// second.
template <typename T>
BasicVar<T> to_batch_major(BasicVar<T> x, Index steps);
template <typename T>
BasicVar<T> to_time_major(BasicVar<T> x, Index steps);

// Column b is x's where mask[b] is not 0, else y's: the state of a sequence that goes on, or has ended. x, y: F x B,
// mask: 1 x B, a constant. What is not chosen may be anything, NaN too, and gets no gradient.
template <typename T>
BasicVar<T> select_columns(BasicVar<T> mask, BasicVar<T> x, BasicVar<T> y);

// The columns of x whose mask is not 0, side by side: F x n. mask: 1 x B, a constant, with n > 0 such entries.
template <typename T>
BasicVar<T> pack_columns(BasicVar<T> mask, BasicVar<T> x);

// The other way round: F x B, zeros where the mask is 0.
template <typename T>
BasicVar<T> unpack_columns(BasicVar<T> mask, BasicVar<T> packed);

}  // namespace normlab::nn
