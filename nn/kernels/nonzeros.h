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

// Block by block, each row by row without gaps, the order in which a product reads them. A view into memory of the
// thread that made it, valid until that thread's next FindNonzeros.
struct Nonzeros {
  Index rows, cols;
  const Nonzero* all;          // block q from [q * kSparseDepth * rows] on
  const std::int32_t* starts;  // of rows 0 to `rows` in block 0, then in block 1, ...

  Index blocks() const { return (cols + kSparseDepth - 1) / kSparseDepth; }
  const Nonzero* begin(Index i, Index q) const { return all + q * kSparseDepth * rows + starts[q * (rows + 1) + i]; }
  const Nonzero* end(Index i, Index q) const { return begin(i + 1, q); }
};

// The nonzeros of op(s) [rows x cols].
Nonzeros FindNonzeros(const Operand& s, Index rows, Index cols);

}  // namespace normlab::nn::kernels
