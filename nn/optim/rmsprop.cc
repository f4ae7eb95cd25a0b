#include <cmath>

#include "nn/optim/rule.h"

namespace normlab::nn {
namespace {

void update(const OptimizerSpec& o, const BasicUpdate<float>& u) {
  const auto f = [](double x) { return static_cast<float>(x); };
  kernels::rmsprop_update(u.runs, gradient_scalars(u),
                          {.lr = f(u.rate),
                           .alpha = f(o.alpha),
                           .one_minus_alpha = f(1.0 - o.alpha),
                           .eps = f(o.eps),
                           .momentum = f(o.momentum)},
                          u.g, u.w, u.slots[0], u.slots.size() > 1 ? u.slots[1] : nullptr);
}

void update(const OptimizerSpec& o, const BasicUpdate<double>& u) {
  double *square = u.slots[0], *velocity = u.slots.size() > 1 ? u.slots[1] : nullptr;
  for_each_gradient(u, [&](Index i, double g) {
    square[i] = o.alpha * square[i] + (1.0 - o.alpha) * g * g;
    double direction = g / (std::sqrt(square[i]) + o.eps);
    if (velocity != nullptr) {
      direction = velocity[i] = o.momentum * velocity[i] + direction;
    }
    u.w[i] -= u.rate * direction;
  });
}

}  // namespace

// Without momentum there is no velocity to keep.
template <typename T>
BasicRule<T> rmsprop_rule(const OptimizerSpec& spec) {
  BasicRule<T> rule{.slots = {"rmsprop.square."}, .apply = update};
  if (spec.momentum > 0.0) {
    rule.slots.push_back("rmsprop.velocity.");
  }
  return rule;
}

template BasicRule<float> rmsprop_rule(const OptimizerSpec&);
template BasicRule<double> rmsprop_rule(const OptimizerSpec&);

}  // namespace normlab::nn
