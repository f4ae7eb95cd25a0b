// conv_bench.cc - the convolutional layers of two networks, forward and backward on one thread: GFLOP/s of processor time,
// and the share of the multiply-add peak measured just before; best_share is that of the fastest call by the wall clock.
// Operations are 2 per weight and output position, taps on padding counted as others though rows of zeros are skipped. Of
// the first layers, whose pixels need no gradient, the weights' gradient alone is backward.
//
//   quick     Caffe's CIFAR-10 quick network (Ren et al. 2017)
//   convpool  ConvPool-CNN-C (Salimans and Kingma 2016; the RMSNorm paper)
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/rng.h"
#include "bench/fma_peak.h"
#include "nn/denormals.h"
#include "nn/ops/conv.h"
#include "nn/ops/pool.h"
#include "nn/parameter.h"

namespace normlab::nn {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Index kBatch = 100;

std::vector<float> Normals(Index n) {
  Rng rng(1, "bench");
  std::vector<float> out(static_cast<std::size_t>(n));
  std::generate(out.begin(), out.end(), [&] { return static_cast<float>(rng.Normal()); });
  return out;
}

enum class Pass { kForward, kWeights, kInput };

kernels::ConvShape ShapeOf(const Image& image, Index out, const ConvSpec& spec) {
  return {.batch = kBatch,
          .height = image.height,
          .width = image.width,
          .in = image.channels,
          .out = out,
          .kernel_height = spec.height,
          .kernel_width = spec.width,
          .stride = spec.stride,
          .padding = spec.padding,
          .mode = spec.mode};
}

void Conv(benchmark::State& state, Image image, Index out, ConvSpec spec, Pass pass) {
  flush_denormals();
  const kernels::ConvShape s = ShapeOf(image, out, spec);
  const Index outputs = kBatch * spec.output(image, out).positions(), weights = out * s.taps() * s.in;
  std::vector<float> x = Normals(image.values() * kBatch), w = Normals(weights), y = Normals(outputs * out);
  const double operations = 2.0 * static_cast<double>(weights) * static_cast<double>(outputs), peak = fma_peak();
  double best = 1e9;
  for (auto _ : state) {
    const auto start = Clock::now();
    switch (pass) {
      case Pass::kForward:
        kernels::conv2d_forward(s, x.data(), w.data(), y.data());
        break;
      case Pass::kWeights:
        kernels::conv2d_weight_gradient(s, x.data(), y.data(), w.data(), false);
        break;
      case Pass::kInput:
        kernels::conv2d_input_gradient(s, y.data(), w.data(), x.data(), false);
        break;
    }
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    benchmark::ClobberMemory();
  }
  const double done = 1e-9 * operations * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
  state.counters["peak"] = peak;
  state.counters["peak_share"] = benchmark::Counter(done / peak, benchmark::Counter::kIsRate);
  state.counters["best_share"] = operations * 1e-9 / best / peak;
}

constexpr ConvSpec k5x5{.height = 5, .width = 5, .padding = 2};
constexpr ConvSpec k3x3{.height = 3, .width = 3, .padding = 1};
constexpr ConvSpec kValid{.height = 3, .width = 3};
constexpr ConvSpec kReflect{.height = 3, .width = 3, .padding = 1, .mode = Padding::kReflect};

#define NORMLAB_LAYER(name, image, out, spec)                                                               \
  BENCHMARK_CAPTURE(Conv, name##_forward, image, out, spec, Pass::kForward)->Unit(benchmark::kMillisecond); \
  BENCHMARK_CAPTURE(Conv, name##_weights, image, out, spec, Pass::kWeights)->Unit(benchmark::kMillisecond)
#define NORMLAB_INNER_LAYER(name, image, out, spec) \
  NORMLAB_LAYER(name, image, out, spec);            \
  BENCHMARK_CAPTURE(Conv, name##_input, image, out, spec, Pass::kInput)->Unit(benchmark::kMillisecond)

NORMLAB_LAYER(quick1, (Image{3, 32, 32}), 32, k5x5);
NORMLAB_INNER_LAYER(quick2, (Image{32, 16, 16}), 32, k5x5);
NORMLAB_INNER_LAYER(quick3, (Image{32, 8, 8}), 64, k5x5);
NORMLAB_LAYER(convpool1, (Image{3, 32, 32}), 96, k3x3);
NORMLAB_INNER_LAYER(convpool96, (Image{96, 32, 32}), 96, k3x3);
NORMLAB_INNER_LAYER(convpool96_reflect, (Image{96, 32, 32}), 96, kReflect);
NORMLAB_INNER_LAYER(convpool192, (Image{192, 16, 16}), 192, k3x3);
NORMLAB_INNER_LAYER(convpool192_valid, (Image{192, 8, 8}), 192, kValid);

// Pooling by 3 x 3 with stride 2, forward and backward: gigabytes of x, y and their gradients per second.
template <typename Pool>
void Pooling(benchmark::State& state, Image image, Pool pool) {
  flush_denormals();
  ParameterStore store(1);
  Parameter& x = store.add("x", {image.positions() * kBatch, image.channels}, init::glorot_uniform());
  const PoolSpec spec{.height = 3, .width = 3, .stride = 2, .round_up = true};
  const Index outputs = spec.output(image).values() * kBatch;
  const std::vector<float> cotangent = Normals(outputs);
  Tape tape;
  for (auto _ : state) {
    tape.reset();
    store.clear_gradients();
    tape.backward(pool(tape.parameter(x), image, spec), cotangent.data());
  }
  state.counters["GB/s"] = benchmark::Counter(8e-9 * static_cast<double>(image.values() * kBatch + outputs),
                                              benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(Pooling, max, (Image{32, 32, 32}), &max_pool<float>)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Pooling, mean, (Image{32, 16, 16}), &mean_pool<float>)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace normlab::nn
