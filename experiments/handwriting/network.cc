#include "experiments/handwriting/network.h"

#include <algorithm>

#include "nn/ops/columns.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"

namespace normlab {
namespace {

constexpr nn::Index kPenNumbers = 3;
constexpr nn::Index kNumbersPerComponent = 6;

// With biases of 0 and no ink yet, all of layer 1's sums are 0 at the first point, and a normaliser that meets no variance
// multiplies gradients by 1 / sqrt(eps), twice in a row: their norm was 7e6 at the first update of a layer-normalised run, of
// which clipping left nothing to learn. So lstm_bias is not zeros.
nn::LstmSpec LayerSpec(const HandwritingShape& shape, nn::Index inputs) {
  return {.inputs = inputs,
          .units = shape.units,
          .norm = shape.norm,
          .placement = nn::LstmPlacement::kTermsAndCell,
          .input_init = shape.init,
          .recurrent_init = shape.init,
          .bias_init = shape.bias_init,
          .forget_bias = shape.forget_bias,
          .clip = shape.clip_cells,
          .peepholes = shape.peepholes};
}

nn::Initializer WindowBias(const HandwritingShape& shape) {
  return [bias = shape.window_bias, gaussians = shape.gaussians](Rng&, nn::Fans, std::span<double> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = bias[i / static_cast<std::size_t>(gaussians)];
    }
  };
}

}  // namespace

template <typename T>
BasicHandwritingNetwork<T>::BasicHandwritingNetwork(const nn::BasicScope<T>& scope, const HandwritingShape& shape)
    : shape_(shape),
      layer1_(scope / "layer1", LayerSpec(shape, kPenNumbers + shape.alphabet)),
      layer2_(scope / "layer2", LayerSpec(shape, kPenNumbers + shape.units + shape.alphabet)),
      layer3_(scope / "layer3", LayerSpec(shape, kPenNumbers + shape.units + shape.alphabet)),
      window_(scope / "window", shape.units, 3 * shape.gaussians, {.affine = {.bias = false}}, shape.init),
      window_bias_((scope / "window").vector("bias", 3 * shape.gaussians, WindowBias(shape))),
      output_(scope / "output", 3 * shape.units, kNumbersPerComponent * shape.components + 1, {}, shape.init) {}

template <typename T>
nn::BasicVar<T> BasicHandwritingNetwork<T>::window_sums(Var h, const nn::Step& step) {
  return nn::add_bias(window_(h, step), h.tape().parameter(window_bias_));
}

template <typename T>
nn::BasicVar<T> BasicHandwritingNetwork<T>::outputs(nn::BasicTape<T>& tape, const PenBatch<T>& lines, nn::Mode mode) {
  const nn::Index batch = lines.batch, steps = lines.steps;
  const auto mask_at = [&](nn::Index t) {
    const T* mask = lines.mask + t * batch;
    const bool padded = std::find(mask, mask + batch, T{0}) != mask + batch;
    return padded ? tape.input("mask", mask, 1, batch) : Var{};
  };
  State state = zero_state(tape, batch);
  hidden_.clear();
  symbols_.clear();
  for (nn::Index t = 0; t < steps; ++t) {
    const nn::Step step{mode, t};
    const Var x = tape.input("pen", lines.inputs + t * kPenNumbers * batch, kPenNumbers, batch);
    const Var sums = layer1_.input_sums(nn::concat_rows(x, state.window.symbols));
    state.layers[0] = layer1_.step(sums, state.layers[0], step, mask_at(t));
    state.window = nn::attention_window(window_sums(state.layers[0].h, step), state.window.kappa, lines.texts);
    hidden_.push_back(state.layers[0].h);
    symbols_.push_back(state.window.symbols);
  }
  const Var x = tape.input("pen", lines.inputs, kPenNumbers, steps * batch);
  const Var w = nn::join_columns<T>(symbols_);
  const Var h1 = nn::join_columns<T>(hidden_);
  // A layer whose inputs are known for all time steps.
  const auto run = [&](nn::BasicLstm<T>& layer, nn::BasicLstmState<T> s, Var below) {
    const auto sums = nn::split_columns(layer.input_sums(nn::concat_rows<T>({x, below, w})), steps);
    hidden_.clear();
    for (nn::Index t = 0; t < steps; ++t) {
      s = layer.step(sums[static_cast<std::size_t>(t)], s, {mode, t}, mask_at(t));
      hidden_.push_back(s.h);
    }
    return nn::join_columns<T>(hidden_);
  };
  const Var h2 = run(layer2_, state.layers[1], h1);
  const Var h3 = run(layer3_, state.layers[2], h2);
  return output_(nn::concat_rows<T>({h1, h2, h3}), {mode, 0});
}

template <typename T>
typename BasicHandwritingNetwork<T>::State BasicHandwritingNetwork<T>::zero_state(nn::BasicTape<T>& tape,
                                                                                  nn::Index batch) const {
  return {.layers = {layer1_.zero_state(tape, batch), layer2_.zero_state(tape, batch), layer3_.zero_state(tape, batch)},
          .window = {.symbols = tape.zeros(shape_.alphabet, batch), .kappa = tape.zeros(shape_.gaussians, batch)},
          .window_sums = {}};
}

template <typename T>
nn::BasicVar<T> BasicHandwritingNetwork<T>::step(Var x, const nn::WindowTexts& texts, const nn::Step& step,
                                                 State& state) {
  auto& [first, second, third] = state.layers;
  first = layer1_.step(layer1_.input_sums(nn::concat_rows(x, state.window.symbols)), first, step);
  state.window_sums = window_sums(first.h, step);
  state.window = nn::attention_window(state.window_sums, state.window.kappa, texts);
  const Var w = state.window.symbols;
  second = layer2_.step(layer2_.input_sums(nn::concat_rows<T>({x, first.h, w})), second, step);
  third = layer3_.step(layer3_.input_sums(nn::concat_rows<T>({x, second.h, w})), third, step);
  return output_(nn::concat_rows<T>({first.h, second.h, third.h}), step);
}

template class BasicHandwritingNetwork<float>;
template class BasicHandwritingNetwork<double>;

}  // namespace normlab
