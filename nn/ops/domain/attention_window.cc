#include "nn/ops/domain/attention_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

template <typename T>
void require_window(BasicVar<T> sums, BasicVar<T> kappa, const WindowTexts& texts) {
  require_shapes(sums.rows() == 3 * kappa.rows() && sums.cols() == kappa.cols() && kappa.rows() > 0, "attention_window",
                 sums, kappa, "3K x B sums for K x B places");
  if (texts.batch != kappa.cols()) {
    throw Error(fmt::format("attention_window: {} texts for a batch of {}", texts.batch, kappa.cols()));
  }
  const auto* end = texts.symbols + texts.begin[texts.batch];
  const auto* wrong = std::find_if(texts.symbols, end, [&](auto c) { return c >= texts.alphabet; });
  if (wrong != end) {
    throw Error(fmt::format("attention_window: symbol {} in an alphabet of {}", *wrong, texts.alphabet));
  }
}

// One example's window: where its Gaussians are and how they weigh the characters.
template <typename T>
struct Gaussians {
  const T* sums;  // a^, b^, k^, `count` each
  Index count;

  T alpha(Index k) const { return std::exp(sums[k]); }
  T beta(Index k) const { return std::exp(sums[count + k]); }
  T advance(Index k) const { return std::exp(sums[2 * count + k]); }
};

// weights[u] = alpha exp(-beta (kappa - (u + 1))^2); characters count from 1.
template <typename T>
void weigh(T alpha, T beta, T kappa, Index characters, T* weights) {
  for (Index u = 0; u < characters; ++u) {
    const T distance = kappa - static_cast<T>(u + 1);
    weights[u] = alpha * std::exp(-beta * distance * distance);
  }
}

// What backward needs: weights of each Gaussian and character, examples one after the other, K rows of U each.
template <typename T>
struct Pass {
  BasicVar<T> sums, before, w, kappa;
  WindowTexts texts;
  T* weights;

  Index gaussians() const { return kappa.rows(); }
  Index characters(Index b) const { return texts.begin[b + 1] - texts.begin[b]; }
  const std::uint8_t* text(Index b) const { return texts.symbols + texts.begin[b]; }
  T* weights_of(Index b) const { return weights + gaussians() * (texts.begin[b] - texts.begin[0]); }
};

template <typename T>
void forward(const Pass<T>& pass, Index b) {
  const Index count = pass.gaussians(), characters = pass.characters(b);
  const Gaussians<T> g{pass.sums.data() + b * 3 * count, count};
  T* w = pass.w.mutable_data() + b * pass.texts.alphabet;
  std::fill_n(w, pass.texts.alphabet, T{0});
  for (Index k = 0; k < count; ++k) {
    const T kappa = pass.before.data()[b * count + k] + g.advance(k);
    pass.kappa.mutable_data()[b * count + k] = kappa;
    T* weights = pass.weights_of(b) + k * characters;
    weigh(g.alpha(k), g.beta(k), kappa, characters, weights);
    for (Index u = 0; u < characters; ++u) {
      w[pass.text(b)[u]] += weights[u];
    }
  }
}

// With eps(u) = alpha exp(-beta (kappa - u)^2) dw[c_u], summed over the characters (Graves 2013, eq. 56-60):
//   da^ = sum eps     db^ = -beta sum eps (kappa - u)^2     dkappa = dkappa_{t+1} - 2 beta sum eps (kappa - u)
//   dk^ = exp(k^) dkappa     dkappa_{t-1} = dkappa
template <typename T>
void backward(const Pass<T>& pass, Index b, GradSink<T> dsums, GradSink<T> dbefore) {
  const Index count = pass.gaussians(), characters = pass.characters(b);
  const Gaussians<T> g{pass.sums.data() + b * 3 * count, count};
  const T* dw = pass.w.grad() + b * pass.texts.alphabet;
  const auto give = [](GradSink<T> sink, Index i, T value) {
    if (sink) {
      sink.data[i] = sink.accumulate ? sink.data[i] + value : value;
    }
  };
  for (Index k = 0; k < count; ++k) {
    const T* weights = pass.weights_of(b) + k * characters;
    const T kappa = pass.kappa.data()[b * count + k], beta = g.beta(k);
    T sum{0}, first{0}, second{0};
    for (Index u = 0; u < characters; ++u) {
      const T eps = weights[u] * dw[pass.text(b)[u]];
      const T distance = kappa - static_cast<T>(u + 1);
      sum += eps;
      first += eps * distance;
      second += eps * distance * distance;
    }
    const T dkappa = pass.kappa.grad()[b * count + k] - 2 * beta * first;
    give(dsums, b * 3 * count + k, sum);
    give(dsums, b * 3 * count + count + k, -beta * second);
    give(dsums, b * 3 * count + 2 * count + k, g.advance(k) * dkappa);
    give(dbefore, b * count + k, dkappa);
  }
}

}  // namespace

template <typename T>
BasicWindow<T> attention_window(BasicVar<T> sums, BasicVar<T> kappa, const WindowTexts& texts) {
  require_window(sums, kappa, texts);
  BasicTape<T>& tape = sums.tape();
  const Index batch = kappa.cols(), count = kappa.rows();
  const Pass<T> pass = {.sums = sums,
                        .before = kappa,
                        .w = tape.result("attention_window", texts.alphabet, batch, {sums, kappa}),
                        .kappa = tape.result("attention_window.kappa", count, batch, {sums, kappa}),
                        .texts = texts,
                        .weights = tape.scratch(count * (texts.begin[batch] - texts.begin[0]))};
  parallel_for(batch, [&](Index b) { forward(pass, b); });
  tape.on_backward({pass.w, pass.kappa}, [pass] {
    const GradSink<T> dsums = pass.sums.grad_sink();
    const GradSink<T> dbefore = pass.before.grad_sink();
    parallel_for(pass.texts.batch, [&](Index b) { backward(pass, b, dsums, dbefore); });
  });
  return {.symbols = pass.w, .kappa = pass.kappa};
}

void window_weights(std::span<const float> sums, std::span<const float> kappa, std::span<float> phi) {
  const auto count = static_cast<Index>(kappa.size());
  const Gaussians<float> g{sums.data(), count};
  std::fill(phi.begin(), phi.end(), 0.0f);
  for (Index k = 0; k < count; ++k) {
    for (std::size_t u = 0; u < phi.size(); ++u) {
      float weight = 0.0f;
      const float from_first = kappa[static_cast<std::size_t>(k)] - static_cast<float>(u);
      weigh(g.alpha(k), g.beta(k), from_first, 1, &weight);
      phi[u] += weight;
    }
  }
}

template BasicWindow<float> attention_window(BasicVar<float>, BasicVar<float>, const WindowTexts&);
template BasicWindow<double> attention_window(BasicVar<double>, BasicVar<double>, const WindowTexts&);

}  // namespace normlab::nn
