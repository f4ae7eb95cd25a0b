// lstm_bench.cc - whole unrolled LSTMs, forward and backward, in the shapes of the paper's experiments on one thread:
// GFLOP/s of the products and share of the multiply-add peak, and what the step around the products costs.
//
// Operations counted are those of the three products of each weight, 6 x (4H) x (H + inputs) x B x T; gates and norms
// count as nothing, so 1 - peak_share is their cost and that of memory. `cell` rows time the fused step alone.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/fma_peak.h"
#include "nn/cells/lstm.h"
#include "nn/denormals.h"
#include "nn/kernels/lstm.h"
#include "nn/ops/columns.h"

namespace normlab::nn {
namespace {

struct LstmShape {
  Index inputs, units, batch, steps;
  bool known;  // the whole input sequence is there before the first step
};
constexpr LstmShape kDrawEncoder{264, 256, 128, 64, false};
constexpr LstmShape kDrawDecoder{100, 256, 128, 64, false};
constexpr LstmShape kHandLayer1{60, 400, 8, 700, false};
constexpr LstmShape kHandLayer2{460, 400, 8, 700, true};

std::vector<float> random_values(Index n, double deviation) {
  Rng rng(1, "bench");
  std::vector<float> values(static_cast<std::size_t>(n));
  std::generate(values.begin(), values.end(), [&] { return static_cast<float>(deviation * rng.Normal()); });
  return values;
}

// best_share is the fastest run's, which a busy neighbour disturbs least.
void count(benchmark::State& state, double operations, double peak, double best_seconds) {
  const double done = 1e-9 * operations * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
  state.counters["peak"] = peak;
  state.counters["peak_share"] = benchmark::Counter(done / peak, benchmark::Counter::kIsRate);
  state.counters["best_share"] = 1e-9 * operations / best_seconds / peak;
}

// T steps and back. The inputs need gradients, as those of DRAW and of the upper layers of handwriting do; every h_t
// gets one from above.
class Unrolled {
 public:
  Unrolled(const LstmShape& shape, const NormKind& kind, LstmPlacement placement, bool fused)
      : shape_(shape),
        x_(store_.add("x", {shape.steps * shape.batch, shape.inputs}, init::constant(0.0))),
        lstm_(Scope(store_) / "lstm", {.inputs = shape.inputs,
                                       .units = shape.units,
                                       .norm = {.kind = kind},
                                       .placement = placement,
                                       .fused = fused}),
        cotangent_(random_values(shape.units * shape.batch * shape.steps, 1.0)) {
    const std::vector<float> x = random_values(x_.size(), 1.0);
    std::copy(x.begin(), x.end(), x_.value());
  }

  void run() {
    tape_.reset();
    store_.clear_gradients();
    const Var x = tape_.parameter(x_);
    const std::span<const Var> inputs = split_columns(shape_.known ? lstm_.input_sums(x) : x, shape_.steps);
    LstmState state = lstm_.zero_state(tape_, shape_.batch);
    outputs_.clear();
    for (Index t = 0; t < shape_.steps; ++t) {
      const Var in = inputs[static_cast<std::size_t>(t)];
      state = lstm_.step(shape_.known ? in : lstm_.input_sums(in), state, {.time = t});
      outputs_.push_back(state.h);
    }
    tape_.backward(join_columns<float>(outputs_), cotangent_.data());
  }

  double operations() const {
    return 6.0 * static_cast<double>(4 * shape_.units * (shape_.units + shape_.inputs) * shape_.batch * shape_.steps);
  }
  std::size_t reserved_bytes() const { return tape_.reserved_bytes(); }

 private:
  LstmShape shape_;
  ParameterStore store_{1};
  Parameter& x_;
  Lstm lstm_;
  Tape tape_;
  std::vector<float> cotangent_;
  std::vector<Var> outputs_;
};

void LstmSequence(benchmark::State& state, LstmShape shape, const NormKind& kind, LstmPlacement placement,
                  bool fused = true) {
  flush_denormals();
  Unrolled unrolled(shape, kind, placement, fused);
  unrolled.run();
  const double peak = fma_peak();
  double best = 1e9;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    unrolled.run();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  count(state, unrolled.operations(), peak, best);
  state.counters["MiB"] = static_cast<double>(unrolled.reserved_bytes()) / (1 << 20);
}
BENCHMARK_CAPTURE(LstmSequence, draw_encoder_none, kDrawEncoder, NoNorm{}, LstmPlacement::kCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, draw_encoder_layer_cell, kDrawEncoder, LayerNorm{}, LstmPlacement::kCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, draw_decoder_layer_cell, kDrawDecoder, LayerNorm{}, LstmPlacement::kCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, hand_layer1_none, kHandLayer1, NoNorm{}, LstmPlacement::kTermsAndCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, hand_layer1_layer, kHandLayer1, LayerNorm{}, LstmPlacement::kTermsAndCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, hand_layer2_layer, kHandLayer2, LayerNorm{}, LstmPlacement::kTermsAndCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, hand_layer2_batch, kHandLayer2, BatchNorm{.time_steps = kHandLayer2.steps},
                  LstmPlacement::kTermsAndCell)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(LstmSequence, hand_layer2_batch_composed, kHandLayer2, BatchNorm{.time_steps = kHandLayer2.steps},
                  LstmPlacement::kTermsAndCell, false)
    ->Unit(benchmark::kMillisecond);

// The fused step alone, forward and backward, on memory of one step.
void LstmCell(benchmark::State& state, LstmShape shape, kernels::LstmSums sums) {
  flush_denormals();
  const Index units = shape.units, rows = shape.batch;
  const std::vector<float> terms = random_values(8 * units * rows, 1.0),
                           ones(static_cast<std::size_t>(4 * units), 1.0f);
  const std::vector<float> states = random_values(4 * units * rows, 0.5), zeros(static_cast<std::size_t>(4 * units));
  std::vector<float> out(static_cast<std::size_t>(20 * units * rows + kernels::kLstmStats * rows));
  std::vector<float> sums_of_pieces(
      static_cast<std::size_t>(kernels::kCellPieces * kernels::lstm_parameter_floats(units)));
  const kernels::LstmRule rule{.units = units,
                               .sums = sums,
                               .cell = true,
                               .bias = zeros.data(),
                               .recurrent_gain = ones.data(),
                               .input_gain = ones.data(),
                               .cell_gain = ones.data(),
                               .cell_bias = zeros.data()};
  float* const memory = out.data();
  const Index n = units * rows;
  const kernels::LstmStep step{.rows = rows,
                               .recurrent = terms.data(),
                               .input = terms.data() + 4 * n,
                               .c_prev = states.data(),
                               .c = memory,
                               .h = memory + n,
                               .gates = memory + 2 * n,
                               .squashed = memory + 6 * n,
                               .stats = memory + 20 * n};
  const kernels::LstmGradients gradients{.dh = states.data() + n,
                                         .dc = states.data() + 2 * n,
                                         .recurrent = {.data = memory + 7 * n},
                                         .input = {.data = memory + 11 * n},
                                         .c_prev = {.data = memory + 15 * n},
                                         .parameters = sums_of_pieces.data()};
  for (auto _ : state) {
    kernels::lstm_forward(rule, step);
    if (state.range(0) != 0) {
      kernels::lstm_backward(rule, step, gradients);
    }
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(LstmCell, draw, kDrawEncoder, kernels::LstmSums::kPlain)
    ->ArgName("back")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(LstmCell, hand, kHandLayer2, kernels::LstmSums::kTerms)
    ->ArgName("back")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace normlab::nn
