// words_bench.cc - the ops of models of words in the paper's shapes on one thread, forward and backward.
//
// peak_share is of the multiply-add peak measured just before. Rates are of the processor's time and not the clock's, so
// that they say something on a busy machine; what a neighbour takes from caches and memory remains. Bytes are those that
// must be read and written once.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "bench/fma_peak.h"
#include "nn/denormals.h"
#include "nn/ops/attention.h"
#include "nn/ops/dropout.h"
#include "nn/ops/gather.h"
#include "nn/ops/linear_cross_entropy.h"
#include "nn/parameter.h"

namespace normlab::nn {
namespace {

// Runs once more before, to find out how much memory is needed.
void measure(benchmark::State& state, const std::function<void()>& run) {
  run();
  for (auto _ : state) {
    run();
  }
}

benchmark::Counter rate(benchmark::State& state, double amount) {
  return {amount * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate};
}

void count_operations(benchmark::State& state, double operations, const std::function<void()>& run) {
  const double peak = fma_peak();
  measure(state, run);
  state.counters["GFLOPS"] = rate(state, 1e-9 * operations);
  state.counters["peak"] = peak;
  state.counters["peak_share"] = rate(state, 1e-9 * operations / peak);
}

void count_bytes(benchmark::State& state, double floats, const std::function<void()>& run) {
  measure(state, run);
  state.counters["GBPS"] = rate(state, 4e-9 * floats);
}

std::vector<std::int32_t> some_words(Index n, Index words) {
  Rng rng(1, "bench");
  std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
  std::generate(ids.begin(), ids.end(),
                [&] { return static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(words))); });
  return ids;
}

// Skip-thought's output layer: 2400 units, 20,000 words, 640 positions. Operations are those of the products, two or
// (back) six for each weight and position.
void WordLoss(benchmark::State& state) {
  flush_denormals();
  const Index units = 2400, words = 20'000, positions = 640;
  const bool back = state.range(0) != 0;
  ParameterStore store(1);
  Parameter& w = store.add("w", {words, units}, init::uniform(0.1));
  Parameter& bias = store.add("b", {words}, init::zeros());
  Parameter& x = store.add("x", {positions, units}, init::uniform(1.0));
  const auto labels = some_words(positions, words);
  Tape tape(back ? Recording::kOn : Recording::kOff);
  count_operations(state, (back ? 6.0 : 2.0) * static_cast<double>(units * words * positions), [&] {
    tape.reset();
    store.clear_gradients();
    const Var loss = linear_cross_entropy(tape.parameter(w), tape.parameter(bias), tape.parameter(x),
                                          std::span<const std::int32_t>(labels));
    if (back) {
      tape.backward(loss);
    }
  });
  state.counters["MiB"] = static_cast<double>(tape.reserved_bytes()) / (1 << 20);
}
BENCHMARK(WordLoss)->ArgName("back")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// 1920 of 20,000 words by embeddings of 620: forward reads and writes them, the way back
// clears the columns, reads what came, and reads and writes the columns.
void Gather(benchmark::State& state) {
  flush_denormals();
  const Index units = 620, words = 20'000, positions = 1920;
  ParameterStore store(1);
  Parameter& table = store.add("table", {words, units}, init::uniform(0.1));
  const auto ids = some_words(positions, words);
  const std::vector<float> cotangent(static_cast<std::size_t>(positions * units), 1.0f);
  Tape tape;
  count_bytes(state, 6.0 * static_cast<double>(positions * units), [&] {
    tape.reset();
    store.clear_gradients();
    tape.backward(gather(tape.parameter(table), std::span<const std::int32_t>(ids)), cotangent.data());
  });
}
BENCHMARK(Gather)->Unit(benchmark::kMicrosecond);

// The attentive reader's: 64 documents of 200 words, states of 240 units. Scores and context read the states, the way
// back reads them twice and writes their gradient twice, once adding.
void Attention(benchmark::State& state) {
  flush_denormals();
  const Index units = 240;
  const SequenceLayout layout{200, 64, static_cast<SequenceOrder>(state.range(0))};
  ParameterStore store(1);
  Parameter& q = store.add("q", {layout.batch, units}, init::uniform(0.1));
  Parameter& k = store.add("k", {layout.cols(), units}, init::uniform(0.1));
  const std::vector<float> mask(static_cast<std::size_t>(layout.cols()), 1.0f);
  const std::vector<float> cotangent(static_cast<std::size_t>(layout.batch * units), 1.0f);
  Tape tape;
  count_bytes(state, 7.0 * static_cast<double>(k.size()), [&] {
    tape.reset();
    store.clear_gradients();
    const Var states = tape.parameter(k), m = tape.input("mask", mask.data(), 1, layout.cols());
    const Var a = masked_softmax(attention_scores(tape.parameter(q), states, layout), m, layout);
    tape.backward(attention_context(a, states, layout), cotangent.data());
  });
}
BENCHMARK(Attention)->ArgName("batch_major")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

// 620 x 1920 embeddings; x, y, dy are read or written once each, dx too.
void Dropout(benchmark::State& state) {
  flush_denormals();
  ParameterStore store(1);
  Parameter& x = store.add("x", {1920, 620}, init::uniform(0.1));
  const std::vector<float> cotangent(static_cast<std::size_t>(x.size()), 1.0f);
  Tape tape;
  count_bytes(state, 4.0 * static_cast<double>(x.size()), [&] {
    tape.reset();
    store.clear_gradients();
    tape.backward(dropout(tape.parameter(x), 0.5, {}, "dropout/bench"), cotangent.data());
  });
}
BENCHMARK(Dropout)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace normlab::nn
