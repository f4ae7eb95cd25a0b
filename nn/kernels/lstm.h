// lstm.h - one time step of an LSTM after its products: sums, their norms, gates, cell, its norm and output, forward
// and backward, row by row so that each row is read from memory once.
//
// A batch of B examples is `rows` rows; the 4H sums of a row are in the order f, i, o, g. Of one row:
//
//   z = recurrent + input, normalised as Rule::sums says, + bias
//   f, i, o = sigmoid(z_f, z_i, z_o)     g = tanh(z_g)
//   c = f c_prev + i g                   h = o tanh(N(c))
//
// Norms are layer or root-mean-square norm over 4H sums, H sums or the cell, with one eps. Pieces of rows: cell.h. A row
// whose mask is 0 passes its state on, and its sums get the gradient 0. Rounding of sigmoid and tanh: pointwise.h. No
// allocation.
#pragma once

#include "nn/kernels/cell.h"

namespace normlab::nn::kernels {

// What is normalised on the way to the gates.
enum class LstmSums {
  kPlain,  // nothing
  kTerms,  // recurrent and input, each over its 4H sums
  kSum,    // recurrent + input over 4H sums
  kGates,  // recurrent + input over the H sums of each gate
};

// What is the same at all time steps.
struct LstmRule {
  Index units = 0;  // H
  LstmSums sums = LstmSums::kPlain;
  bool cell = false;  // whether c is normalised on its way to h
  RowNorm norm = {};
  float clip = 0.0f;                      // gradients of z are cut to +- this; 0: they are not
  const float* bias = nullptr;            // 4H, of b and all norms of the sums together
  const float* recurrent_gain = nullptr;  // 4H, kTerms
  const float* input_gain = nullptr;      // 4H: of the input term, or of the sum for kSum and kGates
  const float* cell_gain = nullptr;       // H
  const float* cell_bias = nullptr;       // H
};

// Floats per row that the forward step leaves in LstmStep::stats: mean and 1 / s of four groups and of the cell.
inline constexpr Index kLstmStats = 10;

// One time step; rows x 4H, rows x H. Memory of the caller.
struct LstmStep {
  Index rows = 0;
  const float* recurrent = nullptr;  // rows x 4H, kTerms alone
  const float* input = nullptr;      // rows x 4H: the input term for kTerms, else the sum of both terms
  const float* c_prev = nullptr;
  const float* h_prev = nullptr;  // read where the mask is 0; null without mask
  const float* mask = nullptr;    // rows values, or null: all count
  float* c = nullptr;             // written
  float* h = nullptr;             // written
  float* gates = nullptr;         // rows x 4H for the way back; kPlain may have them in the place of `input`
  float* squashed = nullptr;      // rows x H, tanh(N(c))
  float* stats = nullptr;         // rows x kLstmStats
};

void lstm_forward(const LstmRule& rule, const LstmStep& step);

// Gradients of gains and biases, summed by piece: kCellPieces blocks of lstm_parameter_floats() each, which hold
// d bias [4H], d recurrent_gain [4H], d input_gain [4H], d cell_gain [H], d cell_bias [H]. Zeros before the first step.
inline Index lstm_parameter_floats(Index units) { return 14 * units; }

struct LstmGradients {
  const float* dh = nullptr;  // rows x H
  const float* dc = nullptr;
  CellSink recurrent = {}, input = {};  // rows x 4H, as in LstmStep
  CellSink c_prev = {}, h_prev = {};    // rows x H; h_prev only where there is a mask
  float* parameters = nullptr;
};

// `step` as lstm_forward() left it; its gates and squashed are overwritten.
void lstm_backward(const LstmRule& rule, const LstmStep& step, const LstmGradients& gradients);

}  // namespace normlab::nn::kernels
