#include <cmath>

#include "nn/optim/rule.h"

namespace normlab::nn {
namespace {

void update(const OptimizerSpec& o, const BasicUpdate<float>& u) {
  const auto f = [](double x) { return static_cast<float>(x); };
  kernels::rmsprop_graves_update(u.runs, gradient_scalars(u),
                                 {.lr = f(u.rate),
                                  .alpha = f(o.alpha),
                                  .one_minus_alpha = f(1.0 - o.alpha),
                                  .eps = f(o.eps),
                                  .momentum = f(o.momentum)},
                                 u.g, u.w, u.slots[0], u.slots[1], u.slots[2]);
}

void update(const OptimizerSpec& o, const BasicUpdate<double>& u) {
  double *square = u.slots[0], *mean = u.slots[1], *change = u.slots[2];
  for_each_gradient(u, [&](Index i, double g) {
    square[i] = o.alpha * square[i] + (1.0 - o.alpha) * g * g;
    mean[i] = o.alpha * mean[i] + (1.0 - o.alpha) * g;
    const double difference = square[i] - mean[i] * mean[i];
    const double variance = difference < 0.0 ? 0.0 : difference;  // rounding; NaN stays
    change[i] = o.momentum * change[i] - u.rate * g / std::sqrt(variance + o.eps);
    u.w[i] += change[i];
  });
}

}  // namespace

template <typename T>
BasicRule<T> rmsprop_graves_rule(const OptimizerSpec&) {
  return {.slots = {"rmsprop_graves.square.", "rmsprop_graves.mean.", "rmsprop_graves.change."}, .apply = update};
}

template BasicRule<float> rmsprop_graves_rule(const OptimizerSpec&);
template BasicRule<double> rmsprop_graves_rule(const OptimizerSpec&);

}  // namespace normlab::nn
