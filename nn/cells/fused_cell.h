// fused_cell.h - what the fused steps of cells share: norms as numbers, and the gradients of gains and biases, which are
// summed over all time steps in one place and reach the parameters once, when the first step has gone back.
#pragma once

#include <span>

#include "nn/kernels/cell.h"
#include "nn/normalizer.h"
#include "nn/tape.h"

namespace normlab::nn {

// What all sites share that normalise, for they come from one NormSpec; of none it means nothing.
kernels::RowNorm row_norm(std::span<const RowNormForm<float>* const> sites);

kernels::CellSink sink_of(Var v);

// Adds the gradient of a vector parameter.
void add_to(Var parameter, const float* gradient);
// The same for the gain and bias of a site, if it normalises.
void add_to(const RowNormForm<float>& site, const float* dgain, const float* dbias);

// Sums by piece of rows, in the tape's memory.
class FusedSums {
 public:
  // `floats` a piece.
  explicit FusedSums(Index floats) : floats_(floats) {}
  // Before the first step. `parameter` is one that the cell always has.
  void attach_to(Tape& tape, const char* op, Var parameter);

  // 1 x 1: an input of every step, reached when one of the steps was.
  Var steps() const { return steps_; }
  // kCellPieces blocks, cleared at the first step that goes back, which also says that there is something to add up.
  float* blocks();
  // The blocks' sum, in their order; once, when all steps have gone back.
  const float* total() const;

 private:
  Index floats_;
  Var steps_;
  float* blocks_ = nullptr;
};

}  // namespace normlab::nn
