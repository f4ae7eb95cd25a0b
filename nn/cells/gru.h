// gru.h - the gated recurrent unit with the paper's placement of normalization [LN eq 26-28], and variants.
//
//   (z~, r~) = N(W_h h_{t-1}) + N(W_x x_t) + b                                   2H x B
//   h^_t     = tanh(N(W x_t) + sigmoid(r~) N(U h_{t-1}) + b^)                     H x B
//   h_t      = (1 - sigmoid(z~)) h_{t-1} + sigmoid(z~) h^_t                       H x B
//
// The reset gate multiplies after U. The gates' two rows of H share one norm, the candidate has its own. W_h over U is
// one matrix, W_x over W another: rows in the order z, r, candidate, and so are (b, b^). The paper prints no b; where
// the norms have biases it adds to them, and for NoNorm it is the only one. With NoNorm [LN eq 23-25].
//
// Parameters: "recurrent.weight" [3H x H], "input.weight" [3H x inputs], "bias" [3H], and the normalizers' under
// "recurrent.gates", "recurrent.candidate", "input.gates", "input.candidate" (terms), "sum.gates" or "sum.z|r", and
// "sum.candidate".
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for shapes.
#pragma once

#include <memory>
#include <type_traits>

#include "nn/layers/shared_linear.h"

namespace normlab::nn {

class FusedGru;

enum class GruPlacement {
  kTerms,  // as above
  kSum,    // N(W_h h + W_x x) + b over the 2H sums of the gates; N(W x + r (U h)) + b^ for the candidate
  kGates,  // as kSum, with statistics of z and r of their own
};

struct GruSpec {
  Index inputs = 0;  // features of x_t
  Index units = 0;   // H
  NormSpec norm = {};
  GruPlacement placement = GruPlacement::kTerms;
  Initializer input_init = init::glorot_uniform();
  Initializer recurrent_init = init::glorot_uniform();
  Initializer bias_init = init::zeros();
  // Whether float runs in one op per step where there is one: all norms but batch norm. false: composed of primitive
  // ops, which the fused op is tested against.
  bool fused = true;
};

template <typename T>
class BasicGru {
 public:
  using Var = BasicVar<T>;

  BasicGru(const BasicScope<T>& scope, const GruSpec& spec);

  // h = 0, a constant.
  Var zero_state(BasicTape<T>& tape, Index batch) const;

  // W_x x over W x without norm: 3H x B from inputs x B, for one step or for a whole sequence at once.
  Var input_sums(Var x) { return input_(x); }

  // One time step from input_sums() of x_t to h_t; mask as in BasicLstm.
  Var step(Var input_sums, Var previous, const Step& step, Var mask = {});

  const GruSpec& spec() const { return spec_; }

 private:
  // The normalizers of the gates and of the candidate in one place of the cell. Null where a placement has none.
  struct Sites {
    std::unique_ptr<BasicNormalizer<T>> gates, update, reset, candidate;

    bool have_row_forms() const;
  };
  template <typename FloatTape>  // as BasicLstm's
  FusedGru& fused(FloatTape& tape);
  Var gate_sums(Var terms_h, Var terms_x, const Step& step, Var mask);
  Var composed_step(Var recurrent, Var input_sums, Var previous, const Step& step, Var mask);

  GruSpec spec_;
  std::unique_ptr<BasicNormalizer<T>> recurrent_weight_, input_weight_;  // weight norm, or nothing
  BasicSharedWeight<T> recurrent_, input_;
  BasicParameter<T>& bias_;
  Sites recurrent_sites_, input_sites_, sum_sites_;
};

using Gru = BasicGru<float>;

extern template class BasicGru<float>;
extern template class BasicGru<double>;

}  // namespace normlab::nn
