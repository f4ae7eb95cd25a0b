// cell_testing.h - an unrolled recurrent network over inputs that differ at every step, for the tests of cells.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
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

// Outputs of an unrolled cell, the gradients of all parameters and inputs under a fixed cotangent, and running
// statistics, by name.
using Results = std::map<std::string, std::vector<double>>;

// As scatter(), of gains and biases alone and each by its own name, so that it is the same for every cell.
template <typename T>
void scatter_gains_and_biases(BasicParameterStore<T>& store) {
  for (BasicParameter<T>& p : store.parameters()) {
    if (p.name().find("gain") != std::string::npos || p.name().find("bias") != std::string::npos) {
      Rng rng(5, p.name());
      std::transform(p.value(), p.value() + p.size(), p.value(),
                     [&](T v) { return v + static_cast<T>(0.3 * rng.Normal()); });
    }
  }
}

// Goes back from y. With `nan_upstream` the gradient of its first value is not a number.
template <typename T>
Results backward_results(BasicParameterStore<T>& store, BasicTape<T>& tape, BasicVar<T> y, bool nan_upstream = false) {
  std::vector<T> cotangent(static_cast<std::size_t>(y.size()));
  Rng rng(7, "cotangent");
  std::generate(cotangent.begin(), cotangent.end(), [&] { return static_cast<T>(rng.Normal()); });
  if (nan_upstream) {
    cotangent[0] = std::numeric_limits<T>::quiet_NaN();
  }
  tape.backward(y, cotangent.data());
  Results results{{"output", {y.data(), y.data() + y.size()}}};
  for (BasicParameter<T>& p : store.parameters()) {
    results[p.name()] = {p.gradient(), p.gradient() + p.size()};
  }
  for (const NamedArray<T>& buffer : store.list_buffers()) {
    results[buffer.name] = {buffer.data, buffer.data + buffer.size};
  }
  return results;
}

// |a - b| against the size of the whole array: what rounding does to a sum depends on its terms, not on its value.
inline testing::AssertionResult Near(const Results& fast, const Results& exact, double tolerance) {
  for (const auto& [name, values] : exact) {
    const std::vector<double>& other = fast.at(name);
    double scale = 0.1;
    for (const double v : values) {
      scale = std::max(scale, std::abs(v));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!(std::abs(other[i] - values[i]) <= tolerance * scale)) {
        return testing::AssertionFailure() << name << "[" << i << "]: " << other[i] << ", expected " << values[i]
                                           << " within " << tolerance << " of " << scale;
      }
    }
  }
  return testing::AssertionSuccess();
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

// Those that float runs in one op per step.
inline std::vector<NormCase> row_norm_cases() {
  std::vector<NormCase> cases = norm_cases(1);
  std::erase_if(cases, [](const NormCase& c) { return c.spec.on_sums() && !c.spec.per_example(); });
  return cases;
}

}  // namespace normlab::nn
