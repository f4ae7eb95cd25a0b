#include "nn/ops/domain/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

constexpr Index kNumbersPerComponent = 6;
constexpr Index kColumnsPerPiece = 64;

// Component j of a column, with the point's place relative to it.
template <typename T>
struct Component {
  T s1, s2, rho, c;                 // log deviations, correlation, 1 / (1 - rho^2)
  T a, b;                           // (x - mu) / sigma
  T log_density;                    // log N
  bool s1_free, s2_free, rho_free;  // whether the limits left the value as it was

  // `z` is the column behind e^; M components.
  Component(const T* z, Index m, Index j, const T* x, const MixtureLimits& limits) {
    const T least = static_cast<T>(limits.log_sigma), most = static_cast<T>(limits.rho);
    const T s1_hat = z[3 * m + j], s2_hat = z[4 * m + j];
    s1_free = s1_hat >= least;
    s2_free = s2_hat >= least;
    s1 = s1_free ? s1_hat : least;
    s2 = s2_free ? s2_hat : least;
    const T tanh_rho = std::tanh(z[5 * m + j]);
    rho_free = std::abs(tanh_rho) <= most;
    rho = rho_free ? tanh_rho : std::copysign(most, tanh_rho);
    const T one_minus_square = (1 - rho) * (1 + rho);
    c = 1 / one_minus_square;
    a = (x[0] - z[m + j]) * std::exp(-s1);
    b = (x[1] - z[2 * m + j]) * std::exp(-s2);
    log_density =
        -T(std::log(2 * std::numbers::pi)) - s1 - s2 - T(0.5) * std::log(one_minus_square) - T(0.5) * c * z_form();
  }
  T z_form() const { return a * a + b * b - 2 * rho * a * b; }
};

// log(1 + exp(x)) without overflow.
template <typename T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

template <typename T>
T sigmoid_of(T x) {
  return 1 / (1 + std::exp(-x));
}

template <typename T>
struct LogSumExp {
  T highest, sum;
  // f(j) for j in [0, n).
  template <typename F>
  LogSumExp(Index n, F f) : highest(f(0)), sum(0) {
    for (Index j = 1; j < n; ++j) {
      highest = std::max(highest, f(j));
    }
    for (Index j = 0; j < n; ++j) {
      sum += std::exp(f(j) - highest);
    }
  }
  T value() const { return highest + std::log(sum); }
};

template <typename T>
T column_nll(const T* column, Index m, const T* x, const MixtureLimits& limits, T* log_weighted) {
  const T* z = column + 1;
  for (Index j = 0; j < m; ++j) {
    log_weighted[j] = z[j] + Component<T>(z, m, j, x, limits).log_density;
  }
  const T mixture = LogSumExp<T>(m, [&](Index j) { return log_weighted[j]; }).value();
  const T normalizer = LogSumExp<T>(m, [&](Index j) { return z[j]; }).value();
  const T pen = softplus(column[0]) - x[2] * column[0];
  return normalizer - mixture + pen;
}

// With responsibilities g_j = pi_j N_j / sum and C = 1 / (1 - rho^2) (Graves 2013, eq. 27-37):
//   dpi^ = pi - g                dmu1 = -g C (a - rho b) / sigma1      ds1^ = -g (C a (a - rho b) - 1)
//   drho^ = -g (a b + rho (1 - C Z))      de^ = p(end) - end           and so for 2
// `take(row, derivative)` gets each.
template <typename T, typename Take>
void column_gradient(const T* column, Index m, const T* x, const MixtureLimits& limits, T* log_weighted, Take take) {
  const T* z = column + 1;
  for (Index j = 0; j < m; ++j) {
    log_weighted[j] = z[j] + Component<T>(z, m, j, x, limits).log_density;
  }
  const T mixture = LogSumExp<T>(m, [&](Index j) { return log_weighted[j]; }).value();
  const T normalizer = LogSumExp<T>(m, [&](Index j) { return z[j]; }).value();
  take(0, sigmoid_of(column[0]) - x[2]);
  for (Index j = 0; j < m; ++j) {
    const Component<T> k(z, m, j, x, limits);
    const T g = std::exp(log_weighted[j] - mixture);
    const T along = k.c * (k.a - k.rho * k.b), across = k.c * (k.b - k.rho * k.a);
    take(1 + j, std::exp(z[j] - normalizer) - g);
    take(1 + m + j, -g * along * std::exp(-k.s1));
    take(1 + 2 * m + j, -g * across * std::exp(-k.s2));
    take(1 + 3 * m + j, k.s1_free ? -g * (along * k.a - 1) : T{0});
    take(1 + 4 * m + j, k.s2_free ? -g * (across * k.b - 1) : T{0});
    take(1 + 5 * m + j, k.rho_free ? -g * (k.a * k.b + k.rho * (1 - k.c * k.z_form())) : T{0});
  }
}

template <typename T>
struct Pass {
  BasicVar<T> outputs, loss;
  const T* targets;
  const T* mask;
  T* scratch;  // M a piece
  Index components;
  MixtureOptions options;

  bool counts(Index n) const { return mask == nullptr || mask[n] != T{0}; }
  const T* column(Index n) const { return outputs.data() + n * outputs.rows(); }
  T* room(Index first) const { return scratch + first / kColumnsPerPiece * components; }
};

template <typename T>
void backward(const Pass<T>& pass) {
  const GradSink<T> sink = pass.outputs.grad_sink();
  const T weight = *pass.loss.grad() * static_cast<T>(pass.options.weight);
  const T clip = static_cast<T>(pass.options.clip);
  const Index rows = pass.outputs.rows();
  parallel_ranges(pass.outputs.cols(), kColumnsPerPiece, [&](Index begin, Index end) {
    for (Index n = begin; n < end; ++n) {
      T* d = sink.data + n * rows;
      if (!pass.counts(n)) {
        std::fill_n(d, sink.accumulate ? 0 : rows, T{0});
        continue;
      }
      column_gradient(pass.column(n), pass.components, pass.targets + 3 * n, pass.options.limits, pass.room(begin),
                      [&](Index row, T value) {
                        // min and max in this order let NaN through: divergence stays visible.
                        const T cut = clip > 0 ? std::max(std::min(value, clip), -clip) : value;
                        d[row] = weight * cut + (sink.accumulate ? d[row] : T{0});
                      });
    }
  });
}

}  // namespace

template <typename T>
BasicMixtureLoss<T> mixture_nll(BasicVar<T> outputs, const T* targets, const T* mask, const MixtureOptions& options) {
  const Index m = (outputs.rows() - 1) / kNumbersPerComponent;
  require_shape(m > 0 && outputs.rows() == kNumbersPerComponent * m + 1, "mixture_nll", outputs,
                "6 M + 1 rows for M components");
  BasicTape<T>& tape = outputs.tape();
  const Index columns = outputs.cols();
  T* nll = tape.scratch(columns);
  const Pass<T> pass = {.outputs = outputs,
                        .loss = tape.result("mixture_nll", 1, 1, {outputs}),
                        .targets = targets,
                        .mask = mask,
                        .scratch = tape.scratch((columns + kColumnsPerPiece - 1) / kColumnsPerPiece * m),
                        .components = m,
                        .options = options};
  parallel_ranges(columns, kColumnsPerPiece, [&](Index begin, Index end) {
    for (Index n = begin; n < end; ++n) {
      nll[n] = pass.counts(n) ? column_nll(pass.column(n), m, targets + 3 * n, options.limits, pass.room(begin)) : T{0};
    }
  });
  double sum = 0.0;
  for (Index n = 0; n < columns; ++n) {
    sum += static_cast<double>(nll[n]);
  }
  *pass.loss.mutable_data() = static_cast<T>(sum * options.weight);
  tape.on_backward({pass.loss}, [pass] { backward(pass); });
  return {.loss = pass.loss, .nll = nll};
}

std::array<float, 3> sample_mixture(std::span<const float> outputs, double bias, const MixtureLimits& limits,
                                    Rng& rng) {
  const auto m = static_cast<Index>(outputs.size() - 1) / kNumbersPerComponent;
  const float* z = outputs.data() + 1;
  const auto sharpened = [&](Index j) { return static_cast<double>(z[j]) * (1.0 + bias); };
  const LogSumExp<double> normalizer(m, sharpened);
  double left = rng.Uniform() * normalizer.sum;
  Index j = 0;
  while (j + 1 < m && left >= std::exp(sharpened(j) - normalizer.highest)) {
    left -= std::exp(sharpened(j) - normalizer.highest);
    ++j;
  }
  const float nowhere[2] = {0.0f, 0.0f};
  const Component<float> chosen(z, m, j, nowhere, limits);
  const double rho = static_cast<double>(chosen.rho);
  const double u = rng.Normal(), v = rng.Normal();
  const double x1 = static_cast<double>(z[m + j]) + std::exp(static_cast<double>(chosen.s1) - bias) * u;
  const double x2 = static_cast<double>(z[2 * m + j]) +
                    std::exp(static_cast<double>(chosen.s2) - bias) * (rho * u + std::sqrt(1.0 - rho * rho) * v);
  const double end = sigmoid_of(static_cast<double>(outputs[0]));
  return {static_cast<float>(x1), static_cast<float>(x2), rng.Uniform() < end ? 1.0f : 0.0f};
}

template BasicMixtureLoss<float> mixture_nll(BasicVar<float>, const float*, const float*, const MixtureOptions&);
template BasicMixtureLoss<double> mixture_nll(BasicVar<double>, const double*, const double*, const MixtureOptions&);

}  // namespace normlab::nn
