// kernels_bench.cc - the shapes of the paper's experiments on one thread: GFLOP/s and share of the multiply-add peak.
//
// Operands stay where a repeated call leaves them, mostly the last-level cache. `peak_share` compares with fma_peak()
// taken just before the loop; `best_share` is the fastest single call, which a busy neighbour disturbs least.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/fma_peak.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/gemm_sparse.h"
#include "nn/kernels/norm.h"

namespace normlab::nn::kernels {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsOf(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<float> Filled(Index n) {
  std::vector<float> out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(i % 17) * 0.125f - 1.0f;
  }
  return out;
}

template <typename Multiply>
void Measure(benchmark::State& state, double operations, Multiply&& multiply) {
  const double peak = fma_peak();
  double best = 1e9;
  for (auto _ : state) {
    const auto start = Clock::now();
    multiply();
    best = std::min(best, SecondsOf(start));
    benchmark::ClobberMemory();
  }
  const double done = operations * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(done * 1e-9, benchmark::Counter::kIsRate);
  state.counters["peak"] = peak;
  state.counters["peak_share"] = benchmark::Counter(done * 1e-9 / peak, benchmark::Counter::kIsRate);
  state.counters["best_share"] = operations * 1e-9 / best / peak;
}

void Gemm(benchmark::State& state, Trans ta, Trans tb, Index m, Index n, Index k) {
  const auto a = Filled(m * k), b = Filled(n * k);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  const Index lda = ta == Trans::kYes ? m : k, ldb = tb == Trans::kYes ? k : n;
  Measure(state, 2.0 * static_cast<double>(m * n * k),
          [&] { gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, c.data(), n); });
}

void GemmPacked(benchmark::State& state, Trans tb, Index m, Index n, Index k) {
  const auto a = Filled(m * k), b = Filled(n * k);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  PackedMatrix packed;
  packed.pack(tb, k, n, b.data(), tb == Trans::kYes ? k : n);
  Measure(state, 2.0 * static_cast<double>(m * n * k),
          [&] { gemm_packed(Trans::kNo, m, a.data(), k, packed, c.data(), n); });
}

constexpr Trans kNo = Trans::kNo, kYes = Trans::kYes;

// The first layer of the MNIST network, a fifth of whose inputs are not zero; operations as if all were there.
void GemmSparse(benchmark::State& state, bool gradient) {
  const Index batch = 128, in = 784, out = 1000;
  auto x = Filled(batch * in);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = i * 7919 % 997 < 191 ? x[i] + 2.0f : 0.0f;
  }
  const auto w = Filled(out * in), dy = Filled(batch * out);
  std::vector<float> y(dy.size()), dw(w.size());
  Measure(state, 2.0 * static_cast<double>(batch * in * out), [&] {
    if (gradient) {
      gemm_sparse(kYes, kNo, kYes, in, out, batch, x.data(), in, dy.data(), out, dw.data(), in);
    } else {
      gemm_sparse(kNo, kYes, kNo, batch, out, in, x.data(), in, w.data(), in, y.data(), out);
    }
  });
}
BENCHMARK_CAPTURE(GemmSparse, mlp128_forward1, false);
BENCHMARK_CAPTURE(GemmSparse, mlp128_weight_gradient1, true);

// MNIST, batch 128 and 4: forward Y = X W^T, input gradient dX = dY W, weight gradient dW = dY^T X.
BENCHMARK_CAPTURE(Gemm, mlp128_forward1, kNo, kYes, 128, 1000, 784);
BENCHMARK_CAPTURE(Gemm, mlp128_forward2, kNo, kYes, 128, 1000, 1000);
BENCHMARK_CAPTURE(Gemm, mlp128_forward3, kNo, kYes, 128, 10, 1000);
BENCHMARK_CAPTURE(Gemm, mlp128_input_gradient2, kNo, kNo, 128, 1000, 1000);
BENCHMARK_CAPTURE(Gemm, mlp128_input_gradient3, kNo, kNo, 128, 1000, 10);
BENCHMARK_CAPTURE(Gemm, mlp128_weight_gradient1, kYes, kNo, 1000, 784, 128);
BENCHMARK_CAPTURE(Gemm, mlp128_weight_gradient2, kYes, kNo, 1000, 1000, 128);
BENCHMARK_CAPTURE(Gemm, mlp128_weight_gradient3, kYes, kNo, 10, 1000, 128);
BENCHMARK_CAPTURE(Gemm, mlp4_forward1, kNo, kYes, 4, 1000, 784);
BENCHMARK_CAPTURE(Gemm, mlp4_forward2, kNo, kYes, 4, 1000, 1000);
BENCHMARK_CAPTURE(Gemm, mlp4_input_gradient2, kNo, kNo, 4, 1000, 1000);
BENCHMARK_CAPTURE(Gemm, mlp4_weight_gradient1, kYes, kNo, 1000, 784, 4);
BENCHMARK_CAPTURE(Gemm, mlp4_weight_gradient2, kYes, kNo, 1000, 1000, 4);
BENCHMARK_CAPTURE(Gemm, mlp_evaluation1, kNo, kYes, 1000, 1000, 784);
// Handwriting, batch 8, and DRAW, batch 128: recurrent products, weights packed once per optimizer step.
BENCHMARK_CAPTURE(GemmPacked, handwriting_forward, kYes, 8, 1600, 400);
BENCHMARK_CAPTURE(GemmPacked, handwriting_gradient, kNo, 8, 400, 1600);
BENCHMARK_CAPTURE(GemmPacked, draw_forward, kYes, 128, 1024, 256);
BENCHMARK_CAPTURE(GemmPacked, draw_gradient, kNo, 128, 256, 1024);
BENCHMARK_CAPTURE(Gemm, draw_forward_unpacked, kNo, kYes, 128, 1024, 256);
// Skip-thoughts at the paper's size: a step of a GRU, words by chunks, and what flows back from a fifth of the words.
BENCHMARK_CAPTURE(GemmPacked, skip_gru_forward, kYes, 64, 7200, 2400);
BENCHMARK_CAPTURE(GemmPacked, skip_gru_gradient, kNo, 64, 2400, 7200);
BENCHMARK_CAPTURE(GemmPacked, skip_words_forward, kYes, 96, 2048, 2400);
BENCHMARK_CAPTURE(GemmPacked, skip_words_weight_gradient, kNo, 96, 2400, 2048);
BENCHMARK_CAPTURE(Gemm, skip_words_input_gradient, kYes, kNo, 2048, 2400, 4000);

void LayerNorm(benchmark::State& state) {
  const Index rows = state.range(0), f = 1000;
  const auto x = Filled(rows * f), dy = x, gain = Filled(f);
  std::vector<float> y(x.size()), dx(x.size()), mean(static_cast<std::size_t>(rows)), inv(mean.size());
  std::vector<float> dgain(gain.size()), dbias(gain.size());
  for (auto _ : state) {
    layer_norm_forward(rows, f, x.data(), gain.data(), gain.data(), 1e-5f, EpsPlace::kInsideSqrt, y.data(), mean.data(),
                       inv.data());
    layer_norm_backward(rows, f, dy.data(), x.data(), mean.data(), inv.data(), gain.data(), 1e-5f,
                        EpsPlace::kInsideSqrt, dx.data(), false, dgain.data(), dbias.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows * f);
}
BENCHMARK(LayerNorm)->Arg(128)->Arg(4);

}  // namespace
}  // namespace normlab::nn::kernels
