// One training step of the paper's MNIST network, 784-1000-1000-10, by normalizer and batch size, on one thread.
// Bars on the project's machine: layer norm at most 16 ms at batch 128 and 4.6 ms at batch 4.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/denormals.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/cross_entropy.h"
#include "nn/optim/optimizer.h"

namespace normlab::nn {
namespace {

void MlpStep(benchmark::State& state, NormKind norm) {
  const NormSpec hidden{.kind = norm};
  const NormSpec logits = std::holds_alternative<BatchNorm>(norm) ? hidden : NormSpec{};
  const Index batch = state.range(0);
  flush_denormals();
  ParameterStore store(1);
  const Scope root(store);
  Linear first(root / "hidden1", 784, 1000, hidden), second(root / "hidden2", 1000, 1000, hidden);
  Linear last(root / "logits", 1000, 10, logits);
  const auto adam = make_optimizer(store, {});
  Tape tape;
  Rng rng(1, "bench");
  std::vector<float> x(static_cast<std::size_t>(784 * batch));
  for (float& v : x) {
    v = rng.Below(5) == 0 ? static_cast<float>(rng.Uniform()) : 0.0f;  // a fifth of MNIST's pixels is not black
  }
  std::vector<std::int32_t> labels(static_cast<std::size_t>(batch));
  for (auto& y : labels) {
    y = static_cast<std::int32_t>(rng.Below(10));
  }
  std::uint64_t update = 0;
  for (auto _ : state) {
    const Step step;
    tape.reset();
    Var h = relu(first(tape.input("x", x.data(), 784, batch), step));
    h = relu(second(h, step));
    tape.backward(softmax_cross_entropy(last(h, step), std::span<const std::int32_t>(labels)));
    adam->step(update++);
  }
}
void register_norms() {
  const std::pair<const char*, NormKind> norms[] = {
      {"none", NoNorm{}}, {"batch", BatchNorm{}}, {"layer", LayerNorm{}}, {"weight", WeightNorm{}}, {"rms", RmsNorm{}}};
  for (const auto& [name, norm] : norms) {
    benchmark::RegisterBenchmark(("MlpStep/" + std::string(name)).c_str(), MlpStep, norm)
        ->ArgName("batch")
        ->Arg(4)
        ->Arg(128)
        ->Unit(benchmark::kMillisecond)
        ->MinTime(1.0);
  }
}

}  // namespace
}  // namespace normlab::nn

int main(int argc, char** argv) {
  normlab::nn::register_norms();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
