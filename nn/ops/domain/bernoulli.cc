#include "nn/ops/domain/bernoulli.h"

#include <cmath>

#include "nn/ops/check.h"
#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

template <typename T>
T softplus(T v) {
  return std::max(v, T{0}) + std::log1p(std::exp(-std::abs(v)));
}

}  // namespace

// One sum an example, in order and in double, so that threads do not change bits; dlogits = (sigmoid - x) dnll / B.
template <typename T>
BasicVar<T> bernoulli_nll(BasicVar<T> logits, BasicVar<T> x) {
  require_shapes(logits.rows() == x.rows() && logits.cols() == x.cols(), "bernoulli_nll", logits, x, "the same shape");
  BasicTape<T>& tape = logits.tape();
  BasicVar<T> nll = tape.result("bernoulli_nll", 1, 1, {logits, x});
  const Index features = x.rows(), batch = x.cols();
  T* sums = tape.scratch(batch);
  parallel_ranges(batch, 1 + kPointwiseGrain / (8 * features), [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      double sum = 0.0;
      for (Index i = b * features; i < (b + 1) * features; ++i) {
        sum += static_cast<double>(softplus(logits.data()[i]) - x.data()[i] * logits.data()[i]);
      }
      sums[b] = static_cast<T>(sum);
    }
  });
  double total = 0.0;
  for (Index b = 0; b < batch; ++b) {
    total += static_cast<double>(sums[b]);
  }
  *nll.mutable_data() = static_cast<T>(total / static_cast<double>(batch));
  tape.on_backward({nll}, [=] {
    const T scale = *nll.grad() / static_cast<T>(batch);
    T* mean = logits.tape().scratch(x.size());
    math::sigmoid(x.size(), logits.data(), mean);
    const T* pixels = x.data();
    fill_pointwise(logits.grad_sink(), x.size(), [=](Index i) { return scale * (mean[i] - pixels[i]); });
  });
  return nll;
}

// With s = sigmoid(logit) = x - residual: dlogit = -s (1 - s) dresidual.
template <typename T>
BasicVar<T> bernoulli_residual(BasicVar<T> logits, BasicVar<T> x) {
  require_shapes(logits.rows() == x.rows() && logits.cols() == x.cols(), "bernoulli_residual", logits, x,
                 "the same shape");
  BasicTape<T>& tape = logits.tape();
  BasicVar<T> residual = tape.result("bernoulli_residual", x.rows(), x.cols(), {logits, x});
  T* r = residual.mutable_data();
  const T* pixels = x.data();
  math::sigmoid(x.size(), logits.data(), r);
  fill_pointwise(r, x.size(), [=](Index i) { return pixels[i] - r[i]; });
  tape.on_backward({residual}, [=] {
    const T* dr = residual.grad();
    fill_pointwise(logits.grad_sink(), x.size(), [=](Index i) {
      const T s = pixels[i] - r[i];
      return dr[i] * s * (s - T{1});
    });
  });
  return residual;
}

template BasicVar<float> bernoulli_nll(BasicVar<float>, BasicVar<float>);
template BasicVar<double> bernoulli_nll(BasicVar<double>, BasicVar<double>);
template BasicVar<float> bernoulli_residual(BasicVar<float>, BasicVar<float>);
template BasicVar<double> bernoulli_residual(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
