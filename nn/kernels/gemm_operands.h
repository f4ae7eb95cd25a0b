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
};

// Where a tile goes. `swapped`: the tile is a piece of C transposed.
struct TileOut {
  float* c;
  Index ldc;
  bool swapped, accumulate;
};

// The product as a whole. `swapped`: C is written transposed.
struct Output {
  float* c;
  Index ldc;
  bool swapped, accumulate;

  TileOut at(Index i, Index j, bool add) const {
    return {swapped ? c + j * ldc + i : c + i * ldc + j, ldc, swapped, add};
  }
};

}  // namespace normlab::nn::kernels
