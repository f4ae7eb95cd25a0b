#include "nn/optim/optimizer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <type_traits>

#include "nn/error.h"
#include "nn/kernels/update.h"

namespace normlab::nn {
namespace {

template <typename T>
void require_same_size(const char* optimizer, Index have, Index want) {
  if (have != want) {
    throw Error(fmt::format("{}: made for {} values, the store has {} now; make the optimizer after the whole model",
                            optimizer, have, want));
  }
}

void adam_update(Index n, const AdamOptions& o, std::uint64_t update, double gradient_scale, const float* g, float* w,
                 float* m, float* v) {
  const auto scalars = kernels::adam_scalars(o.learning_rate, o.beta1, o.beta2, o.eps, static_cast<long>(update) + 1,
                                             o.bias_correction, gradient_scale);
  kernels::adam_update(n, scalars, g, w, m, v);
}

void adam_update(Index n, const AdamOptions& o, std::uint64_t update, double gradient_scale, const double* g, double* w,
                 double* m, double* v) {
  const double t = static_cast<double>(update + 1);
  const double m_correction = o.bias_correction ? 1.0 - std::pow(o.beta1, t) : 1.0;
  const double v_correction = o.bias_correction ? 1.0 - std::pow(o.beta2, t) : 1.0;
  for (Index i = 0; i < n; ++i) {
    const double gradient = gradient_scale * g[i];
    m[i] = o.beta1 * m[i] + (1.0 - o.beta1) * gradient;
    v[i] = o.beta2 * v[i] + (1.0 - o.beta2) * gradient * gradient;
    w[i] -= o.learning_rate * (m[i] / m_correction) / (std::sqrt(v[i] / v_correction) + o.eps);
  }
}

void sgd_update(Index n, const SgdOptions& o, double gradient_scale, const float* g, float* w, float* velocity) {
  kernels::sgd_momentum_update(n, static_cast<float>(o.learning_rate), static_cast<float>(o.momentum),
                               static_cast<float>(gradient_scale), g, w, velocity);
}

void sgd_update(Index n, const SgdOptions& o, double gradient_scale, const double* g, double* w, double* velocity) {
  for (Index i = 0; i < n; ++i) {
    velocity[i] = o.momentum * velocity[i] + gradient_scale * g[i];
    w[i] -= o.learning_rate * velocity[i];
  }
}

}  // namespace

template <typename T>
BasicAdam<T>::BasicAdam(BasicParameterStore<T>& store, const AdamOptions& options)
    : store_(store), options_(options), m_(store.flat_size(), T{0}), v_(store.flat_size(), T{0}) {}

template <typename T>
void BasicAdam<T>::step(std::uint64_t update, double gradient_scale) {
  require_same_size<T>("Adam", m_.size(), store_.flat_size());
  adam_update(m_.size(), options_, update, gradient_scale, store_.gradients(), store_.values(), m_.data(), v_.data());
  store_.clear_gradients();
}

template <typename T>
std::vector<NamedArray<T>> BasicAdam<T>::slots() {
  std::vector<NamedArray<T>> all = store_.list_flat("adam.m.", m_.data());
  std::vector<NamedArray<T>> v = store_.list_flat("adam.v.", v_.data());
  all.insert(all.end(), std::make_move_iterator(v.begin()), std::make_move_iterator(v.end()));
  return all;
}

template <typename T>
BasicSgd<T>::BasicSgd(BasicParameterStore<T>& store, const SgdOptions& options)
    : store_(store), options_(options), velocity_(store.flat_size(), T{0}) {}

template <typename T>
void BasicSgd<T>::step(std::uint64_t update, double gradient_scale) {
  require_same_size<T>("SGD", velocity_.size(), store_.flat_size());
  sgd_update(velocity_.size(), options_, gradient_scale, store_.gradients(), store_.values(), velocity_.data());
  store_.clear_gradients();
}

template <typename T>
std::vector<NamedArray<T>> BasicSgd<T>::slots() {
  return store_.list_flat("sgd.velocity.", velocity_.data());
}

template class BasicAdam<float>;
template class BasicAdam<double>;
template class BasicSgd<float>;
template class BasicSgd<double>;

}  // namespace normlab::nn
