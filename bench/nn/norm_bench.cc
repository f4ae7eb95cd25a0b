// norm_bench.cc - normalisation of a convolution's values on one thread and on two: batches of 100 images of 32 x 32,
// 16 x 16 and 8 x 8 positions with the channels of the networks of CIFAR-10, forward and backward.
//
// GB/s of what must be moved: forward reads x and writes y, backward reads dy and x and writes dx; what a kernel reads
// twice counts once. `best` is the fastest single call, which a busy neighbour disturbs least.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/kernels/modulate.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/pointwise.h"

namespace normlab::nn::kernels {
namespace {

constexpr Index kBatch = 100;

// The values, gradients and statistics of one site.
struct Site {
  explicit Site(const GroupShape& s)
      : shape(s),
        x(filled(s.rows() * s.f)),
        dy(x),
        y(x.size()),
        gain(filled(s.f)),
        dgain(gain.size()),
        dbias(gain.size()),
        mean(filled(std::max(s.rows(), s.examples * s.f))),
        inv(mean.size(), 1.0f),
        sums(2 * static_cast<std::size_t>(s.examples * s.f)) {}

  static std::vector<float> filled(Index n) {
    std::vector<float> out(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(i * 7919 % 997) * 2e-3f - 1.0f;
    }
    return out;
  }

  GroupShape shape;
  std::vector<float> x, dy, y, gain, dgain, dbias, mean, inv, sums;
};

// Times call(site), which moves `streams` arrays of the site's size.
template <typename Call>
void measure(benchmark::State& state, const GroupShape& shape, int streams, Call call) {
  SetThreads(static_cast<int>(state.range(0)));
  Site site(shape);
  double best = 1e9;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    call(site);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    benchmark::ClobberMemory();
  }
  SetThreads(1);
  const double bytes = 4.0 * streams * static_cast<double>(site.x.size());
  state.counters["GB/s"] =
      benchmark::Counter(1e-9 * bytes * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["best"] = 1e-9 * bytes / best;
}

void group_forward(Site& s) {
  group_norm_forward(s.shape, true, s.x.data(), s.gain.data(), s.gain.data(), 1e-5f, EpsPlace::kInsideSqrt, s.y.data(),
                     s.mean.data(), s.inv.data());
}

void group_backward(Site& s) {
  group_norm_backward(s.shape, true, s.dy.data(), s.x.data(), s.mean.data(), s.inv.data(), s.gain.data(), 1e-5f,
                      EpsPlace::kInsideSqrt, s.y.data(), false, s.sums.data(),
                      s.sums.data() + s.shape.examples * s.shape.f);
}

void batch_forward(Site& s) {
  column_moments(s.shape.rows(), s.shape.f, s.x.data(), s.mean.data(), s.inv.data());
  batch_norm_apply(s.shape.rows(), s.shape.f, s.x.data(), s.mean.data(), s.inv.data(), s.gain.data(), s.gain.data(),
                   s.y.data());
}

void batch_backward(Site& s) {
  batch_norm_backward(s.shape.rows(), s.shape.f, s.dy.data(), s.x.data(), s.mean.data(), s.inv.data(), s.gain.data(),
                      {}, s.y.data(), false, s.dgain.data(), s.dbias.data());
}

void position_forward(Site& s) {
  layer_norm_forward(s.shape.rows(), s.shape.f, s.x.data(), s.gain.data(), s.gain.data(), 1e-5f, EpsPlace::kInsideSqrt,
                     s.y.data(), s.mean.data(), s.inv.data());
}

void position_backward(Site& s) {
  layer_norm_backward(s.shape.rows(), s.shape.f, s.dy.data(), s.x.data(), s.mean.data(), s.inv.data(), s.gain.data(),
                      1e-5f, EpsPlace::kInsideSqrt, s.y.data(), false, s.dgain.data(), s.dbias.data());
}

void bias_backward(Site& s) { add_column_sums(s.shape.rows(), s.shape.f, s.dy.data(), s.dbias.data()); }

void outside_forward(Site& s) {
  modulate_forward({s.shape.examples, s.shape.positions, s.shape.f}, s.x.data(), s.sums.data(), s.sums.data(),
                   s.y.data());
}

void outside_backward(Site& s) {
  modulate_backward({s.shape.examples, s.shape.positions, s.shape.f}, s.dy.data(), s.x.data(), s.sums.data(),
                    s.y.data(), false, s.sums.data(), s.sums.data() + s.shape.examples * s.shape.f);
}

void register_all() {
  const struct {
    const char* name;
    int streams;
    void (*call)(Site&);
    Index groups;  // 0: of one channel each
  } kernels[] = {{"LayerAllForward", 2, group_forward, 1},    {"LayerAllBackward", 3, group_backward, 1},
                 {"Group8Forward", 2, group_forward, 8},      {"Group8Backward", 3, group_backward, 8},
                 {"InstanceForward", 2, group_forward, 0},    {"InstanceBackward", 3, group_backward, 0},
                 {"BatchForward", 2, batch_forward, 1},       {"BatchBackward", 3, batch_backward, 1},
                 {"PositionForward", 2, position_forward, 1}, {"PositionBackward", 3, position_backward, 1},
                 {"BiasBackward", 1, bias_backward, 1},       {"OutsideForward", 2, outside_forward, 1},
                 {"OutsideBackward", 3, outside_backward, 1}};
  for (const auto& k : kernels) {
    for (const auto& [positions, channels] : {std::pair<Index, Index>{1024, 32}, {1024, 96}, {256, 192}, {64, 64}}) {
      const GroupShape shape{kBatch, positions, channels, k.groups == 0 ? channels : k.groups};
      const std::string name = std::string(k.name) + "/" + std::to_string(positions) + "x" + std::to_string(channels);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [shape, k](benchmark::State& state) { measure(state, shape, k.streams, k.call); })
          ->ArgName("threads")
          ->Arg(1)
          ->Arg(2)
          ->Unit(benchmark::kMicrosecond)
          ->MinTime(0.2)
          ->UseRealTime();
    }
  }
}

}  // namespace
}  // namespace normlab::nn::kernels

int main(int argc, char** argv) {
  normlab::nn::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
