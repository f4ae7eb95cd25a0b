// gru_bench.cc - a training step of the GRU encoder of order-embeddings and skip-thoughts on one thread: 1024 units over
// 12 words of 300 values, batch 128, forward, backward and Adam without bias correction. GFLOP/s of the products and
// share of the multiply-add peak.
//
// Operations counted are those of the three products of each weight, 6 x (3H) x (H + inputs) x B x T; gates, norms and
// Adam count as nothing, so 1 - peak_share is their cost and that of memory.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/fma_peak.h"
#include "nn/cells/gru.h"
#include "nn/denormals.h"
#include "nn/ops/columns.h"
#include "nn/optim/optimizer.h"

namespace normlab::nn {
namespace {

constexpr Index kInputs = 300, kUnits = 1024, kBatch = 128, kSteps = 12;

std::vector<float> random_values(Index n, double deviation) {
  Rng rng(1, "bench");
  std::vector<float> values(static_cast<std::size_t>(n));
  std::generate(values.begin(), values.end(), [&] { return static_cast<float>(deviation * rng.Normal()); });
  return values;
}

// The words need gradients, as those of an embedding do; the last state gets one from above.
class Encoder {
 public:
  Encoder(const NormSpec& norm, bool fused)
      : words_(store_.add("words", {kSteps * kBatch, kInputs}, init::constant(0.0))),
        gru_(Scope(store_) / "gru", {.inputs = kInputs, .units = kUnits, .norm = norm, .fused = fused}),
        adam_(make_optimizer(store_, {.learning_rate = 1e-4, .bias_correction = false})),
        cotangent_(random_values(kUnits * kBatch, 1e-2)) {
    const std::vector<float> words = random_values(words_.size(), 1.0);
    std::copy(words.begin(), words.end(), words_.value());
  }

  void step() {
    tape_.reset();
    const std::span<const Var> sums = split_columns(gru_.input_sums(tape_.parameter(words_)), kSteps);
    Var h = gru_.zero_state(tape_, kBatch);
    for (Index t = 0; t < kSteps; ++t) {
      h = gru_.step(sums[static_cast<std::size_t>(t)], h, {.time = t});
    }
    tape_.backward(h, cotangent_.data());
    adam_->step(update_++);
  }

 private:
  ParameterStore store_{1};
  Parameter& words_;
  Gru gru_;
  std::unique_ptr<Optimizer> adam_;
  Tape tape_;
  std::vector<float> cotangent_;
  std::uint64_t update_ = 0;
};

void GruEncoder(benchmark::State& state, const NormSpec& norm, bool fused) {
  flush_denormals();
  Encoder encoder(norm, fused);
  encoder.step();
  const double peak = fma_peak();
  const double operations = 6.0 * static_cast<double>(3 * kUnits * (kUnits + kInputs) * kBatch * kSteps);
  double best = 1e9;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    encoder.step();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const double done = 1e-9 * operations * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
  state.counters["peak"] = peak;
  state.counters["peak_share"] = benchmark::Counter(done / peak, benchmark::Counter::kIsRate);
  state.counters["best_share"] = 1e-9 * operations / best / peak;
}
BENCHMARK_CAPTURE(GruEncoder, none, {}, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(GruEncoder, layer, {.kind = LayerNorm{}}, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(GruEncoder, none_composed, {}, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(GruEncoder, layer_composed, {.kind = LayerNorm{}}, false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace normlab::nn
