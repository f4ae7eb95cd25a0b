// optim_bench.cc - one update of all 1,796,010 parameters of the MNIST network in place: bytes read and written a second.
//
// The arrays of a step are 21 to 43 MB, so this is the bandwidth of the last-level cache or of memory.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "nn/denormals.h"
#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"

namespace normlab::nn {
namespace {

// The network's weights and biases, and gradients that one more step does not use up.
class Network {
 public:
  Network() {
    flush_denormals();
    Index in = 784;
    for (const Index out : {1000, 1000, 10}) {
      store_.add("weight" + std::to_string(out) + std::to_string(in), {out, in}, init::glorot_uniform());
      store_.add("bias" + std::to_string(out) + std::to_string(in), {out}, init::zeros());
      in = out;
    }
    for (Index i = 0; i < store_.flat_size(); ++i) {
      store_.gradients()[i] = static_cast<float>(i % 17) * 0.125f - 1.0f;
    }
  }

  ParameterStore& store() { return store_; }
  void keep_gradients() {
    for (Parameter& p : store_.parameters()) {
      *p.gradient_flag() = true;
    }
  }

 private:
  ParameterStore store_{1};
};

// `arrays`: how many arrays of the parameters' size a step reads or writes.
void Update(benchmark::State& state, const OptimizerSpec& spec, int arrays) {
  Network network;
  const auto optimizer = make_optimizer(network.store(), spec);
  std::uint64_t update = 0;
  for (auto _ : state) {
    network.keep_gradients();
    optimizer->step(update++);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * network.store().flat_size() * arrays *
                          static_cast<Index>(sizeof(float)));
}
BENCHMARK_CAPTURE(Update, adam, {}, 7);
BENCHMARK_CAPTURE(Update, adam_l2, {.weight_decay = 1e-4}, 7);
BENCHMARK_CAPTURE(Update, adamw, {.kind = OptimizerKind::kAdamW, .weight_decay = 1e-2}, 7);
BENCHMARK_CAPTURE(Update, sgd_momentum, {.kind = OptimizerKind::kSgd, .momentum = 0.9}, 5);
BENCHMARK_CAPTURE(Update, rmsprop, {.kind = OptimizerKind::kRmsprop}, 5);
BENCHMARK_CAPTURE(Update, rmsprop_momentum, {.kind = OptimizerKind::kRmsprop, .momentum = 0.9}, 7);
BENCHMARK_CAPTURE(Update, rmsprop_graves, {.kind = OptimizerKind::kRmspropGraves, .momentum = 0.9, .eps = 1e-4}, 9);

// The same with the weights' gradients as factors of a mini-batch: they are copied, and multiplied out in the update.
void UpdateOfFactors(benchmark::State& state) {
  Network network;
  const auto optimizer = make_optimizer(network.store(), {});
  const Index batch = state.range(0);
  const std::vector<float> values(static_cast<std::size_t>(batch * 1000), 0.125f);
  std::uint64_t update = 0;
  for (auto _ : state) {
    for (Parameter& p : network.store().parameters()) {
      p.keep_gradient_factors(
          {.dy = values.data(), .x = values.data(), .out = p.cols(), .in = p.rows(), .batch = batch});
    }
    optimizer->step(update++);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * network.store().flat_size() * 6 * static_cast<Index>(sizeof(float)));
}
BENCHMARK(UpdateOfFactors)->ArgName("batch")->Arg(1)->Arg(4)->Arg(16);

// Nothing is as long as the limit, so the gradients are read once; per value they are also written.
void Clip(benchmark::State& state, ClipKind kind, int arrays) {
  Network network;
  for (auto _ : state) {
    benchmark::DoNotOptimize(clip_gradients(network.store(), {.kind = kind, .limit = 1e9}));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * network.store().flat_size() * arrays *
                          static_cast<Index>(sizeof(float)));
}
BENCHMARK_CAPTURE(Clip, global_norm, ClipKind::kGlobalNorm, 1);
BENCHMARK_CAPTURE(Clip, per_tensor, ClipKind::kPerTensor, 1);
BENCHMARK_CAPTURE(Clip, per_value, ClipKind::kPerValue, 2);

}  // namespace
}  // namespace normlab::nn
