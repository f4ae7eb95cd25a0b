// gru.h - one time step of a gated recurrent unit after its products: norms, gates, candidate and output, forward and
// backward, row by row so that each row is read from memory once.
//
// A batch of B examples is `rows` rows; the 3H sums of a row are in the order z, r, candidate. Of one row, with
// R = recurrent and X = input:
//
//   z, r = sigmoid(R + X + bias)        candidate = tanh(X + r R + bias)        h = h_prev + z (candidate - h_prev)
//
// normalised as GruRule::sums says, with layer or root-mean-square norm. Pieces and masks as in cell.h and lstm.h: a row
// whose mask is 0 passes its state on, and its sums get the gradient 0. Rounding: pointwise.h. No allocation.
#pragma once

#include "nn/kernels/cell.h"

namespace normlab::nn::kernels {

// What is normalised.
enum class GruSums {
  kPlain,  // nothing
  kTerms,  // R and X, each over the 2H sums of its gates and the H of its candidate
  kSum,    // R + X over the 2H sums of the gates, X + r R over the H of the candidate
  kGates,  // as kSum, but over the H sums of each gate
};

// What is the same at all time steps.
struct GruRule {
  Index units = 0;  // H
  GruSums sums = GruSums::kPlain;
  RowNorm norm = {};
  const float* bias = nullptr;            // 3H, of b and of all norms outside of the product with r together
  const float* recurrent_gain = nullptr;  // 3H, kTerms
  const float* recurrent_bias = nullptr;  // H, kTerms: of the candidate's R, which r multiplies
  const float* input_gain = nullptr;      // 3H: of X, or of the sums for kSum and kGates
};

// Floats per row that the forward step leaves in GruStep::stats: mean and 1 / s of four groups.
inline constexpr Index kGruStats = 8;

// One time step; rows x 3H, rows x H. Memory of the caller.
struct GruStep {
  Index rows = 0;
  const float* recurrent = nullptr;  // rows x 3H
  const float* input = nullptr;      // rows x 3H
  const float* h_prev = nullptr;
  const float* mask = nullptr;  // rows values, or null: all count
  float* h = nullptr;           // written
  float* gates = nullptr;       // rows x 3H for the way back: z, r, candidate
  float* inner = nullptr;       // rows x H: what r multiplies for kTerms, the candidate's sum for kSum and kGates
  float* stats = nullptr;       // rows x kGruStats
};

void gru_forward(const GruRule& rule, const GruStep& step);

// Gradients of gains and biases, summed by piece: kCellPieces blocks of gru_parameter_floats() each, which hold
// d bias [3H], d recurrent_gain [3H], d input_gain [3H], d recurrent_bias [H]. Zeros before the first step.
inline Index gru_parameter_floats(Index units) { return 10 * units; }

struct GruGradients {
  const float* dh = nullptr;            // rows x H
  CellSink recurrent = {}, input = {};  // rows x 3H
  CellSink h_prev = {};                 // rows x H: beside what comes by way of the recurrent product
  float* parameters = nullptr;
};

// `step` as gru_forward() left it; its gates and inner are overwritten.
void gru_backward(const GruRule& rule, const GruStep& step, const GruGradients& gradients);

}  // namespace normlab::nn::kernels
