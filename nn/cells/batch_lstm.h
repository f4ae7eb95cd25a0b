// batch_lstm.h - one tape op per time step of a float LSTM whose terms and cell are batch-normalised, on the kernels of
// nn/kernels/batch_lstm.h. For BasicLstm's own use: it gives the bits of this cell composed of primitive ops.
#pragma once

#include "nn/kernels/batch_lstm.h"
#include "nn/normalizer.h"
#include "nn/tape.h"

namespace normlab::nn {

// The parts of a cell; sites of other forms cannot be fused.
struct BatchLstm {
  struct State {
    Var h, c;
  };

  Normalizer &recurrent, &input, &cell;
  Var bias;    // b, 4H x 1
  float clip;  // see LstmSpec::clip

  // recurrent_sums, input_sums: 4H x B without norm. mask: 1 x B or empty. In training the sites keep the statistics.
  State step(Var recurrent_sums, Var input_sums, State previous, const Step& step, Var mask) const;
};

}  // namespace normlab::nn
