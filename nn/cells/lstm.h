// lstm.h - the LSTM cell with the paper's placements of normalization, and those met in the wild.
//
//   (f~, i~, o~, g~) = sums of W_h h_{t-1}, W_x x_t and b, normalised as the placement says     4H x B
//   c_t = sigmoid(f~) c_{t-1} + sigmoid(i~) tanh(g~)                                            H x B
//   h_t = sigmoid(o~) tanh(N(c_t))                                                              H x B
//
// The carried state is c_t as it is; its norm stands on the way to h_t alone. Rows of the weights and of b are in the
// order f, i, o, g. With NoNorm every placement is the plain LSTM [LN eq 17-19].
//
//   Lstm lstm(root / "encoder", {.inputs = 264, .units = 256, .norm = {.kind = LayerNorm{}},
//                                .placement = LstmPlacement::kCell});
//   LstmState s = lstm.zero_state(tape, batch);
//   for (Index t = 0; t < T; ++t) s = lstm.step(lstm.input_sums(concat_rows<float>({r, h})), s, {mode, t});
//
// input_sums() of a known sequence F x (T*B) is one product for all time steps; split_columns() cuts it.
//
// Parameters: "recurrent.weight" [4H x H], "input.weight" [4H x inputs], "bias" [4H], those of the normalizers under
// "recurrent", "input", "sum", "gate.f", ..., "cell", and "peephole.f|i|o" [H].
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for shapes.
#pragma once

#include <array>
#include <memory>
#include <type_traits>
#include <vector>

#include "nn/layers/shared_linear.h"

namespace normlab::nn {

class FusedLstm;

enum class LstmPlacement {
  kTermsAndCell,  // N(W_h h) + N(W_x x) + b, each over all 4H sums, and N(c)   [LN eq 20-22]
  kCell,          // W_h h + W_x x + b, and N(c)                                [LN eq 29-31], DRAW
  kSumAndCell,    // N(W_h h + W_x x) + b over all 4H sums, and N(c)
  kGatesAndCell,  // N(W_h h + W_x x) + b over the H sums of each gate, and N(c) (HyperNetworks, TensorFlow's cell)
};

struct LstmSpec {
  Index inputs = 0;  // features of x_t; of several sources, their sum (see concat_rows)
  Index units = 0;   // H
  NormSpec norm = {};
  LstmPlacement placement = LstmPlacement::kTermsAndCell;
  Initializer input_init = init::glorot_uniform();  // of W_x, with the fans of all its sources
  Initializer recurrent_init = init::glorot_uniform();
  Initializer bias_init = init::zeros();
  double forget_bias = 0.0;  // added to b's part f at the start; the paper names none
  double clip = 0.0;  // gradients with respect to the gates' inputs are cut to +- this (Graves 2013); 0: they are not
  bool bias_twice = false;  // b is in W_x x before its norm too, as in the paper's released code
  bool peepholes = false;   // f, i see c_{t-1} and o sees c_t through diagonal weights (Graves 2013, eq. 7-10)
  // Whether float runs in one op per step where there is one: no peepholes, and batch norm with kTermsAndCell alone.
  // false: composed of primitive ops, which the fused op is tested against.
  bool fused = true;
};

template <typename T>
struct BasicLstmState {
  BasicVar<T> h, c;  // H x B
};

template <typename T>
class BasicLstm {
 public:
  using Var = BasicVar<T>;
  using State = BasicLstmState<T>;

  BasicLstm(const BasicScope<T>& scope, const LstmSpec& spec);

  // h = c = 0, constants.
  State zero_state(BasicTape<T>& tape, Index batch) const;

  // W_x x without norm, and b with bias_twice: 4H x B from inputs x B, for one step or for a whole sequence at once.
  Var input_sums(Var x);

  // One time step from input_sums() of x_t, which it uses up: their memory may hold the sums of both terms after it.
  // `mask`, 1 x B, says for each example whether the step counts: where it is 0 the state passes unchanged, whatever
  // x_t is, as for the padded end of a shorter sequence.
  State step(Var input_sums, State previous, const Step& step, Var mask = {});

  // Sites of normalisation, for their statistics (nn/normalizer.h).
  std::vector<BasicNormalizer<T>*> sites();

  const LstmSpec& spec() const { return spec_; }

 private:
  template <typename FloatTape>  // a template, because clang 14 instantiates what `requires` rules out for double
  FusedLstm& fused(FloatTape& tape);
  bool has_row_forms();
  bool has_batch_forms();
  Var gate_sums(Var recurrent, Var input, const Step& step, Var mask);
  State composed_step(Var recurrent, Var input_sums, State previous, const Step& step, Var mask);

  LstmSpec spec_;
  BasicSharedLinear<T> recurrent_, input_;
  BasicParameter<T>& bias_;
  std::unique_ptr<BasicNormalizer<T>> sum_;                   // kSumAndCell
  std::array<std::unique_ptr<BasicNormalizer<T>>, 4> gates_;  // kGatesAndCell: f, i, o, g
  std::unique_ptr<BasicNormalizer<T>> cell_;
  std::array<BasicParameter<T>*, 3> peepholes_ = {};  // f, i, o
  bool fusable_ = false;
};

using LstmState = BasicLstmState<float>;
using Lstm = BasicLstm<float>;

extern template class BasicLstm<float>;
extern template class BasicLstm<double>;

}  // namespace normlab::nn
