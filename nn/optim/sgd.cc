#include "nn/optim/rule.h"

namespace normlab::nn {
namespace {

void update(const OptimizerSpec& o, const BasicUpdate<float>& u) {
  kernels::sgd_update(
      u.runs, gradient_scalars(u),
      {.lr = static_cast<float>(u.rate), .momentum = static_cast<float>(o.momentum), .nesterov = o.nesterov}, u.g, u.w,
      u.slots[0]);
}

void update(const OptimizerSpec& o, const BasicUpdate<double>& u) {
  double* velocity = u.slots[0];
  for_each_gradient(u, [&](Index i, double g) {
    velocity[i] = o.momentum * velocity[i] + g;
    u.w[i] -= u.rate * (o.nesterov ? g + o.momentum * velocity[i] : velocity[i]);
  });
}

}  // namespace

template <typename T>
BasicRule<T> sgd_rule(const OptimizerSpec&) {
  return {.slots = {"sgd.velocity."}, .apply = update};
}

template BasicRule<float> sgd_rule(const OptimizerSpec&);
template BasicRule<double> sgd_rule(const OptimizerSpec&);

}  // namespace normlab::nn
