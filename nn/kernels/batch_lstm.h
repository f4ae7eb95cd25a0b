// batch_lstm.h - one time step of an LSTM whose terms and cell are batch-normalised (Cooijmans et al. 2016), after its
// products, forward and backward. Of one of `rows` rows, with 4H sums in the order f, i, o, g:
//
//   z = N(recurrent) + N(input) + bias    f, i, o = sigmoid(z_f, z_i, z_o)    g = tanh(z_g)
//   c = f c_prev + i g                    h = o tanh(N(c))
//
// A row whose mask is 0 is in no statistic and passes its state on; its sums get the gradient 0. What a unit needs of a
// step is its own, so blocks of units are the pieces, and gradients of gains and biases are added up in row order where
// they belong: same bits for any thread count. Every operation rounds as in the ops that the cell is composed of
// (norm.h, pointwise.h and plain arithmetic, in their order), so both give the same bits. No allocation.
#pragma once

#include "nn/kernels/cell.h"

namespace normlab::nn::kernels {

// What is the same at all time steps.
struct BatchLstmRule {
  Index units = 0;              // H
  float eps = 1e-5f;            // inside the root
  float clip = 0.0f;            // gradients of z are cut to +- this; 0: they are not
  const float* bias = nullptr;  // 4H
};

// One normalised site at one step: of 4H units, or of H.
struct BatchSite {
  const float* gain = nullptr;
  const float* bias = nullptr;
  float* mean = nullptr;      // written, or read if statistics are given
  float* variance = nullptr;  // the same
  float* inv_s = nullptr;     // written
};

// rows x 4H, rows x H. Memory of the caller.
struct BatchLstmStep {
  Index rows = 0;
  const float* recurrent = nullptr;
  const float* input = nullptr;
  const float* c_prev = nullptr;
  const float* h_prev = nullptr;  // read where the mask is 0
  const float* mask = nullptr;    // rows values, or null: all count
  BatchSite of_recurrent = {}, of_input = {}, of_cell = {};
  bool given = false;         // statistics are given, and constants
  float ratio = 1.0f;         // of the variance that is used to the biased one: 1, or n / (n - 1) for n rows that count
  float* c = nullptr;         // written
  float* h = nullptr;         // written
  float* gates = nullptr;     // rows x 4H for the way back
  float* squashed = nullptr;  // rows x H, tanh(N(c))
};

void batch_lstm_forward(const BatchLstmRule& rule, const BatchLstmStep& step);

// Where the gradients of a site's gain and bias are added to; null: nowhere.
struct BatchSiteSums {
  float* gain = nullptr;
  float* bias = nullptr;
};

struct BatchLstmGradients {
  const float* dh = nullptr;  // rows x H
  const float* dc = nullptr;
  CellSink recurrent = {}, input = {};  // rows x 4H
  CellSink c_prev = {}, h_prev = {};    // rows x H; h_prev only where there is a mask
  float* bias = nullptr;                // 4H, added to; null: nowhere
  BatchSiteSums of_recurrent = {}, of_input = {}, of_cell = {};
};

// `step` as batch_lstm_forward() left it; its gates and squashed are overwritten.
void batch_lstm_backward(const BatchLstmRule& rule, const BatchLstmStep& step, const BatchLstmGradients& gradients);

}  // namespace normlab::nn::kernels
