// cell.h - what the fused steps of recurrent cells have in common: a norm of each row, and where gradients go.
//
// Rows are cut into pieces by shape; a piece sums the gradients of gains and biases for itself over all time steps, and
// the caller adds the pieces up in order: same bits for any thread count.
#pragma once

#include "nn/kernels/norm.h"

namespace normlab::nn::kernels {

// Layer or root-mean-square norm of groups of a row's values.
struct RowNorm {
  bool center = true;  // layer norm, else root mean square
  float eps = 1e-5f;
  EpsPlace place = EpsPlace::kInsideSqrt;
};

// Where a gradient goes; data null: nowhere.
struct CellSink {
  float* data = nullptr;
  bool accumulate = false;
};

// Pieces of rows at most: as many blocks of sums of the gradients of gains and biases.
inline constexpr Index kCellPieces = 16;

}  // namespace normlab::nn::kernels
