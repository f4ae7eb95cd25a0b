// nonzeros.h - the nonzeros of a matrix, row by row, in blocks of columns.
#pragma once

#include <cstdint>

#include "nn/kernels/gemm_operands.h"

namespace normlab::nn::kernels {

// One value of a row of S and the row of B, counted from its block, that it multiplies.
struct Nonzero {
  std::int32_t row;
  float value;
};

// Columns per block: so many rows of B, as wide as the registers hold, stay in the first-level cache.
inline constexpr Index kSparseDepth = 128;

// A view into memory of the thread that made it, valid until that thread's next FindNonzeros.
struct Nonzeros {
  Index rows, cols;
  const Nonzero* all;  // those of row i, block q from [i * cols + q * kSparseDepth] on
  const std::int32_t* counts;

  Index blocks() const { return (cols + kSparseDepth - 1) / kSparseDepth; }
  const Nonzero* entries(Index i, Index q) const { return all + i * cols + q * kSparseDepth; }
  Index count(Index i, Index q) const { return counts[i * blocks() + q]; }
};

// The nonzeros of op(s) [rows x cols].
Nonzeros FindNonzeros(const Operand& s, Index rows, Index cols);

}  // namespace normlab::nn::kernels
