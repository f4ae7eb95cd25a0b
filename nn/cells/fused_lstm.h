// fused_lstm.h - one tape op per time step of a float LSTM after its products, on the kernels of nn/kernels/lstm.h. For
// BasicLstm's own use: it gives what this gives, composed of primitive ops, and decides which of the two runs.
#pragma once

#include <array>

#include "nn/cells/fused_cell.h"
#include "nn/kernels/lstm.h"

namespace normlab::nn {

// The normalizers of a cell as numbers; sites of other forms cannot be fused.
struct FusedLstmSites {
  kernels::LstmSums sums = kernels::LstmSums::kPlain;
  float clip = 0.0f;                              // see LstmSpec::clip
  Var bias = {};                                  // b, 4H x 1
  RowNormForm<float> recurrent = {}, input = {};  // kTerms
  std::array<RowNormForm<float>, 4> gates = {};   // kGates; kSum has one for all in gates[0]
  RowNormForm<float> cell = {};                   // of what is no norm, normalize is false
};

// What all steps of a pass share. Made once per reset(), in the tape's memory; trivially copyable.
class FusedLstm {
 public:
  struct State {
    Var h, c;
  };

  // Call attach_to() once it lies where it stays, before the first step.
  FusedLstm(Tape& tape, Index units, const FusedLstmSites& sites);
  void attach_to(Tape& tape);

  // Whether the two terms are normalised one by one.
  bool has_terms() const { return rule_.sums == kernels::LstmSums::kTerms; }

  // recurrent, input: 4H x B without norm; without has_terms() `input` is the sum of both, `recurrent` is empty, and
  // the memory is this op's to overwrite. mask: 1 x B or empty.
  State step(Var recurrent, Var input, State previous, Var mask);

 private:
  void add_parameter_gradients() const;

  FusedLstmSites sites_;
  kernels::LstmRule rule_;
  FusedSums parameter_sums_;
};

}  // namespace normlab::nn
