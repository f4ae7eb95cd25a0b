// cell_testing.h - an unrolled recurrent network over inputs that differ at every step, for the tests of cells.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nn/cells/gru.h"
#include "nn/cells/lstm.h"
#include "nn/ops/columns.h"
#include "nn/ops/rows.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {

struct UnrollShape {
  Index inputs, units, batch, steps;
};

// Parameters that are all different: equal gains and zero biases hide mistakes.
inline Initializer spread(double mean, double deviation) {
  return [=](Rng& rng, Fans, std::span<double> values) {
    std::generate(values.begin(), values.end(), [&] { return mean + deviation * rng.Normal(); });
  };
}

// Moves every parameter of the store away from its initial value, gains to around 1.
template <typename T>
void scatter(BasicParameterStore<T>& store, double deviation = 0.3) {
  Rng rng(11, "scatter");
  for (BasicParameter<T>& p : store.parameters()) {
    std::transform(p.value(), p.value() + p.size(), p.value(),
                   [&](T v) { return v + static_cast<T>(deviation * rng.Normal()); });
  }
}

// Which steps of which example count: example b has steps - b % 3 steps.
template <typename T>
std::vector<T> ragged_mask(Index steps, Index batch) {
  std::vector<T> mask;
  for (Index t = 0; t < steps; ++t) {
    for (Index b = 0; b < batch; ++b) {
      mask.push_back(t < steps - b % 3 ? T{1} : T{0});
    }
  }
  return mask;
}

// h_1, c_1, ..., h_T, c_T of an LSTM, over each other: every output of every step has its part in a random cotangent.
// x: inputs x (T*B); the state starts at `start`. mask: T*B values, or null.
template <typename T>
BasicVar<T> unroll(BasicLstm<T>& lstm, BasicVar<T> x, BasicLstmState<T> start, Index steps, const T* mask = nullptr,
                   Mode mode = Mode::kTrain) {
  const Index batch = start.h.cols();
  const auto sums = split_columns(lstm.input_sums(x), steps);
  BasicLstmState<T> state = start;
  BasicVar<T> all;
  for (Index t = 0; t < steps; ++t) {
    const BasicVar<T> counts = mask != nullptr ? x.tape().input("mask", mask + t * batch, 1, batch) : BasicVar<T>();
    state = lstm.step(sums[static_cast<std::size_t>(t)], state, {.mode = mode, .time = t}, counts);
    all = all ? concat_rows<T>({all, state.h, state.c}) : concat_rows<T>({state.h, state.c});
  }
  return all;
}

template <typename T>
BasicVar<T> unroll(BasicGru<T>& gru, BasicVar<T> x, BasicVar<T> start, Index steps, const T* mask = nullptr) {
  const Index batch = start.cols();
  const auto sums = split_columns(gru.input_sums(x), steps);
  BasicVar<T> h = start, all;
  for (Index t = 0; t < steps; ++t) {
    const BasicVar<T> counts = mask != nullptr ? x.tape().input("mask", mask + t * batch, 1, batch) : BasicVar<T>();
    h = gru.step(sums[static_cast<std::size_t>(t)], h, {.mode = Mode::kTrain, .time = t}, counts);
    all = all ? concat_rows<T>({all, h}) : h;
  }
  return all;
}

struct NormCase {
  const char* name;
  NormSpec spec;
};

inline std::vector<NormCase> norm_cases(Index time_steps) {
  NormSpec batch = recurrent_batch_norm(time_steps);
  return {{"None", {}},
          {"Layer", {.kind = LayerNorm{}}},
          {"LayerEpsOutside", {.kind = LayerNorm{.eps = {0.1, EpsPlacement::kOutsideSqrt}}}},
          {"Rms", {.kind = RmsNorm{}}},
          {"Weight", {.kind = WeightNorm{}, .affine = {.gain_init = 0.7}}},
          {"Batch", batch}};
}

}  // namespace normlab::nn
