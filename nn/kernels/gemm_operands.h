// gemm_operands.h - the matrices of a product as its parts hand them to each other. Views: they own nothing.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// A matrix as stored, to be read as is or transposed.
struct Operand {
  const float* data;
  Index ld;
  bool transposed;

  const float* at(Index i, Index j) const { return transposed ? data + j * ld + i : data + i * ld + j; }
  Operand from(Index i, Index j) const { return {at(i, j), ld, transposed}; }
};

// The right operand as tiles read it: panel j at data + j * panel_stride, its row p at + p * ld.
struct Columns {
  const float* data;
  Index panel_stride, ld;
};

// Where a product goes, or a part of it.
struct Output {
  float* c;
  Index ldc;
  bool accumulate;

  Output at(Index i, Index j, bool add) const { return {c + i * ldc + j, ldc, add}; }
};

}  // namespace normlab::nn::kernels
