// fused_gru.h - one tape op per time step of a float GRU after its products, on the kernels of nn/kernels/gru.h. For
// BasicGru's own use: it gives what this gives, composed of primitive ops, and decides which of the two runs.
#pragma once

#include <array>

#include "nn/cells/fused_cell.h"
#include "nn/kernels/gru.h"

namespace normlab::nn {

// The normalizers of a cell as numbers; sites of other forms cannot be fused.
struct FusedGruSites {
  kernels::GruSums sums = kernels::GruSums::kPlain;
  Var bias = {};  // (b, b^), 3H x 1
  struct Term {
    RowNormForm<float> gates = {}, candidate = {};
  };
  Term recurrent = {}, input = {};               // kTerms
  std::array<RowNormForm<float>, 2> gates = {};  // kGates: z, r; kSum has one for both in gates[0]
  RowNormForm<float> candidate = {};             // kSum, kGates
};

// What all steps of a pass share. Made once per reset(), in the tape's memory; trivially copyable.
class FusedGru {
 public:
  // Call attach_to() once it lies where it stays, before the first step.
  FusedGru(Tape& tape, Index units, const FusedGruSites& sites);
  void attach_to(Tape& tape);

  // recurrent, input: 3H x B without norm. previous: H x B. mask: 1 x B or empty.
  Var step(Var recurrent, Var input, Var previous, Var mask);

 private:
  void gather_terms(Tape& tape);
  void gather_sums(Tape& tape);
  void add_parameter_gradients() const;

  FusedGruSites sites_;
  kernels::GruRule rule_;
  FusedSums sums_;
};

}  // namespace normlab::nn
