// network.h - the network that writes (Graves 2013, section 5) [LN sec 6.5]: three LSTM layers that see the pen, a
// soft window over the text, and each other; their outputs together parametrise the next point's distribution.
//
//   h1_t = LSTM1([x_t; w_{t-1}])            w_t, kappa_t = window(W_p h1_t + b_p, kappa_{t-1}, text)
//   h2_t = LSTM2([x_t; h1_t; w_t])          h3_t = LSTM3([x_t; h2_t; w_t])
//   y_t  = W_y [h1_t; h2_t; h3_t] + b_y     see nn/ops/domain/mixture.h for what its rows mean
//
// The LSTMs are those of [LN eq 17-19], or with a norm of [LN eq 20-22]; the window and the output are not normalised.
// Layers 2 and 3 know their inputs of all time steps at once, so W_x x is one product for the whole sequence.
//
// Parameters: "layer1", "layer2", "layer3" (nn/cells/lstm.h), "window.weight", "window.bias", "output.weight",
// "output.bias": 3,650,151 values at the paper's size, 3,671,751 with layer normalisation.
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for shapes.
#pragma once

#include <array>
#include <vector>

#include "nn/cells/lstm.h"
#include "nn/layers/linear.h"
#include "nn/layers/shared_linear.h"
#include "nn/ops/domain/attention_window.h"
#include "nn/ops/domain/mixture.h"

namespace normlab {

struct HandwritingShape {
  nn::Index units = 400;      // of each layer
  nn::Index gaussians = 10;   // of the window, K
  nn::Index components = 20;  // of the output's mixture, M
  nn::Index alphabet = 57;    // A
  nn::NormSpec norm = {};
  bool peepholes = false;
  double forget_bias = 0.0;
  double clip_cells = 0.0;  // of the loss as it is given back, see LstmSpec::clip
  // Initial biases of the window's a^, b^, k^: how much it sees, how sharply, and how fast it moves on, all as logs.
  std::array<double, 3> window_bias = {-2.0, -1.0, -3.0};
  nn::Initializer init = nn::init::torch_uniform();
  nn::Initializer bias_init = nn::init::uniform(0.05);  // of the layers' gates: Torch's for 400 units
  nn::MixtureLimits limits = {};
};

// A batch of sequences side by side: step t of all examples, then step t + 1. Borrowed until the tape's reset().
template <typename T>
struct PenBatch {
  nn::Index steps = 0;        // T, of the longest
  nn::Index batch = 0;        // B
  const T* inputs = nullptr;  // 3 x (T B): x_t, the point before; zeros first
  const T* mask = nullptr;    // 1 x (T B): 1 where the step is part of its sequence
  nn::WindowTexts texts;      // B of them
};

template <typename T>
class BasicHandwritingNetwork {
 public:
  using Var = nn::BasicVar<T>;

  BasicHandwritingNetwork(const nn::BasicScope<T>& scope, const HandwritingShape& shape);

  // y_t of all steps: (6M + 1) x (T B). States of padded steps pass unchanged; their outputs mean nothing.
  Var outputs(nn::BasicTape<T>& tape, const PenBatch<T>& lines, nn::Mode mode);

  // What one time step leaves behind for the next.
  struct State {
    std::array<nn::BasicLstmState<T>, 3> layers;
    nn::BasicWindow<T> window;
    Var window_sums;  // 3K x B, of the step that led here
  };
  State zero_state(nn::BasicTape<T>& tape, nn::Index batch) const;
  // y_t from x_t (3 x B); advances `state`. Gives what outputs() gives for that step.
  Var step(Var x, const nn::WindowTexts& texts, const nn::Step& step, State& state);

  const HandwritingShape& shape() const { return shape_; }

 private:
  Var window_sums(Var h, const nn::Step& step);

  HandwritingShape shape_;
  nn::BasicLstm<T> layer1_, layer2_, layer3_;
  nn::BasicSharedLinear<T> window_;
  nn::BasicParameter<T>& window_bias_;
  nn::BasicSharedLinear<T> output_;
  std::vector<Var> hidden_, symbols_;  // of a pass, by time step; kept for their memory
};

using HandwritingNetwork = BasicHandwritingNetwork<float>;

extern template class BasicHandwritingNetwork<float>;
extern template class BasicHandwritingNetwork<double>;

}  // namespace normlab
