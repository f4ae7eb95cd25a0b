#include "nn/ops/domain/gaussian.h"

#include <cmath>

#include "nn/ops/check.h"
#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

template <typename T>
const T* exponentials(BasicVar<T> x) {
  T* values = x.tape().scratch(x.size());
  math::exp(x.size(), x.data(), values);
  return values;
}

}  // namespace

// dmu = dz, dlog_sigma = dz sigma noise.
template <typename T>
BasicVar<T> gaussian_sample(BasicVar<T> mu, BasicVar<T> log_sigma, BasicVar<T> noise) {
  require_shapes(mu.rows() == log_sigma.rows() && mu.cols() == log_sigma.cols(), "gaussian_sample", mu, log_sigma,
                 "the same shape");
  require_shapes(mu.rows() == noise.rows() && mu.cols() == noise.cols(), "gaussian_sample", mu, noise,
                 "the same shape");
  BasicTape<T>& tape = mu.tape();
  BasicVar<T> z = tape.result("gaussian_sample", mu.rows(), mu.cols(), {mu, log_sigma, noise});
  const T *m = mu.data(), *sigma = exponentials(log_sigma), *e = noise.data();
  fill_pointwise(z.mutable_data(), z.size(), [=](Index i) { return m[i] + sigma[i] * e[i]; });
  tape.on_backward({z}, [=] {
    const T* dz = z.grad();
    fill_pointwise(mu.grad_sink(), z.size(), [=](Index i) { return dz[i]; });
    fill_pointwise(log_sigma.grad_sink(), z.size(), [=](Index i) { return dz[i] * sigma[i] * e[i]; });
  });
  return z;
}

// dmu = mu dkl / B, dlog_sigma = (sigma^2 - 1) dkl / B.
template <typename T>
BasicVar<T> kl_to_standard_normal(BasicVar<T> mu, BasicVar<T> log_sigma) {
  require_shapes(mu.rows() == log_sigma.rows() && mu.cols() == log_sigma.cols(), "kl_to_standard_normal", mu, log_sigma,
                 "the same shape");
  BasicTape<T>& tape = mu.tape();
  BasicVar<T> kl = tape.result("kl_to_standard_normal", 1, 1, {mu, log_sigma});
  const T *m = mu.data(), *l = log_sigma.data(), *sigma = exponentials(log_sigma);
  double sum = 0.0;
  for (Index i = 0; i < mu.size(); ++i) {
    sum += static_cast<double>(m[i] * m[i] + sigma[i] * sigma[i] - 2 * l[i] - 1);
  }
  *kl.mutable_data() = static_cast<T>(0.5 * sum / static_cast<double>(mu.cols()));
  tape.on_backward({kl}, [=] {
    const T scale = *kl.grad() / static_cast<T>(mu.cols());
    fill_pointwise(mu.grad_sink(), mu.size(), [=](Index i) { return scale * m[i]; });
    fill_pointwise(log_sigma.grad_sink(), mu.size(), [=](Index i) { return scale * (sigma[i] * sigma[i] - T{1}); });
  });
  return kl;
}

template BasicVar<float> gaussian_sample(BasicVar<float>, BasicVar<float>, BasicVar<float>);
template BasicVar<double> gaussian_sample(BasicVar<double>, BasicVar<double>, BasicVar<double>);
template BasicVar<float> kl_to_standard_normal(BasicVar<float>, BasicVar<float>);
template BasicVar<double> kl_to_standard_normal(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
