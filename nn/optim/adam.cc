#include <cmath>

#include "nn/optim/rule.h"

namespace normlab::nn {
namespace {

void update(const OptimizerSpec& o, const BasicUpdate<float>& u) {
  const auto scalars =
      kernels::adam_scalars(u.rate, o.beta1, o.beta2, o.eps, static_cast<long>(u.number) + 1, o.bias_correction);
  kernels::adam_update(u.runs, gradient_scalars(u), scalars, u.g, u.w, u.slots[0], u.slots[1]);
}

void update(const OptimizerSpec& o, const BasicUpdate<double>& u) {
  double *m = u.slots[0], *v = u.slots[1];
  const double t = static_cast<double>(u.number + 1);
  const double m_correction = o.bias_correction ? 1.0 - std::pow(o.beta1, t) : 1.0;
  const double v_correction = o.bias_correction ? 1.0 - std::pow(o.beta2, t) : 1.0;
  for_each_gradient(u, [&](Index i, double g) {
    m[i] = o.beta1 * m[i] + (1.0 - o.beta1) * g;
    v[i] = o.beta2 * v[i] + (1.0 - o.beta2) * g * g;
    u.w[i] -= u.rate * (m[i] / m_correction) / (std::sqrt(v[i] / v_correction) + o.eps);
  });
}

}  // namespace

template <typename T>
BasicRule<T> adam_rule(const OptimizerSpec&) {
  return {.slots = {"adam.m.", "adam.v."}, .apply = update};
}

template BasicRule<float> adam_rule(const OptimizerSpec&);
template BasicRule<double> adam_rule(const OptimizerSpec&);

}  // namespace normlab::nn
