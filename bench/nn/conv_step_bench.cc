// One training step of two convolutional networks without normalisation at batch 100, on one thread, with Adam: Caffe's
// CIFAR-10 quick network, which Ren et al. 2017 normalise, and ConvPool-CNN-C (Salimans and Kingma 2016). GFLOP/s of
// processor time and the share of the multiply-add peak count the products of the convolutions and nothing else.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/fma_peak.h"
#include "nn/denormals.h"
#include "nn/layers/conv.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/pool.h"
#include "nn/ops/reshape.h"
#include "nn/optim/optimizer.h"

namespace normlab::nn {
namespace {

constexpr Index kBatch = 100;
constexpr PoolSpec kPool{.height = 3, .width = 3, .stride = 2, .round_up = true};

// Layers one after the other; a network says which.
class Chain {
 public:
  Chain(ParameterStore& store, const Image& image) : root_(store), image_(image) {}

  void conv(Index out, const ConvSpec& spec) {
    const bool first = convs_.empty();
    const Index products = spec.height * spec.width * image_.channels * out;
    convs_.emplace_back(root_ / ("conv" + std::to_string(convs_.size())), image_, out, spec, NormSpec{});
    image_ = convs_.back().output();
    // Forward and two ways back; nothing goes back to pixels.
    operations_ += (first ? 4.0 : 6.0) * static_cast<double>(products * image_.positions() * kBatch);
  }

  // The value and image of a layer by number.
  Var operator()(std::size_t i, Var x) { return relu(convs_[i](x, Step{})); }
  const Image& image() const { return image_; }
  const Image& output(std::size_t i) const { return convs_[i].output(); }
  void pool() { image_ = kPool.output(image_); }
  double operations() const { return operations_; }

 private:
  Scope root_;
  Image image_;
  std::deque<Conv2d> convs_;
  double operations_ = 0.0;
};

class Quick {
 public:
  static constexpr Image kImage{3, 32, 32};

  explicit Quick(ParameterStore& store) : chain_(store, kImage) {
    for (const Index out : {32, 32, 64}) {
      chain_.conv(out, {.height = 5, .width = 5, .padding = 2});
      chain_.pool();
    }
    const Scope root(store);
    hidden_ = std::make_unique<Linear>(root / "hidden", chain_.image().values(), 64, NormSpec{});
    logits_ = std::make_unique<Linear>(root / "logits", 64, 10, NormSpec{});
  }

  Var operator()(Var x) {
    x = max_pool(chain_(0, x), chain_.output(0), kPool);
    x = mean_pool(chain_(1, x), chain_.output(1), kPool);
    x = mean_pool(chain_(2, x), chain_.output(2), kPool);
    return (*logits_)((*hidden_)(reshape(x, chain_.image().values(), kBatch), Step{}), Step{});
  }
  double operations() const { return chain_.operations(); }

 private:
  Chain chain_;
  std::unique_ptr<Linear> hidden_, logits_;
};

class ConvPool {
 public:
  static constexpr Image kImage{3, 32, 32};

  explicit ConvPool(ParameterStore& store) : chain_(store, kImage) {
    constexpr ConvSpec kSame{.height = 3, .width = 3, .padding = 1};
    for (const Index out : {96, 192}) {
      for (int layer = 0; layer < 3; ++layer) {
        chain_.conv(out, kSame);
      }
      chain_.pool();
    }
    chain_.conv(192, {.height = 3, .width = 3});
    chain_.conv(192, {});
    chain_.conv(10, {});
  }

  Var operator()(Var x) {
    for (std::size_t i = 0; i < 9; ++i) {
      x = chain_(i, x);
      x = i == 2 || i == 5 ? max_pool(x, chain_.output(i), kPool) : x;
    }
    return global_mean_pool(x, chain_.image());
  }
  double operations() const { return chain_.operations(); }

 private:
  Chain chain_;
};

template <typename Network>
void TrainingStep(benchmark::State& state) {
  flush_denormals();
  ParameterStore store(1);
  Network network(store);
  Adam adam(store, {});
  Rng rng(1, "bench");
  std::vector<float> pixels(static_cast<std::size_t>(Network::kImage.values() * kBatch));
  std::generate(pixels.begin(), pixels.end(), [&] { return static_cast<float>(rng.Uniform()); });
  std::vector<std::int32_t> labels(static_cast<std::size_t>(kBatch));
  std::generate(labels.begin(), labels.end(), [&] { return static_cast<std::int32_t>(rng.Below(10)); });
  Tape tape;
  std::uint64_t update = 0;
  const auto step = [&] {
    tape.reset();
    const Var x = tape.input("pixels", pixels.data(), Network::kImage.channels, Network::kImage.positions() * kBatch);
    tape.backward(softmax_cross_entropy(network(x), std::span<const std::int32_t>(labels)));
    adam.step(update++);
  };
  step();  // its memory is new
  const double peak = fma_peak();
  for (auto _ : state) {
    step();
  }
  const double done = 1e-9 * network.operations() * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
  state.counters["peak"] = peak;
  state.counters["peak_share"] = benchmark::Counter(done / peak, benchmark::Counter::kIsRate);
}
BENCHMARK_TEMPLATE(TrainingStep, Quick)->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(TrainingStep, ConvPool)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace normlab::nn
