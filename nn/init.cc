#include "nn/init.h"

#include <algorithm>
#include <cmath>

namespace normlab::nn::init {
namespace {

void fill_uniform(Rng& rng, double bound, std::span<double> values) {
  std::generate(values.begin(), values.end(), [&] { return rng.Uniform(-bound, bound); });
}

void fill_normal(Rng& rng, double deviation, std::span<double> values) {
  std::generate(values.begin(), values.end(), [&] { return deviation * rng.Normal(); });
}

double mean_fan(Fans fans) { return 0.5 * static_cast<double>(fans.in + fans.out); }

}  // namespace

Initializer constant(double value) {
  return [value](Rng&, Fans, std::span<double> values) { std::fill(values.begin(), values.end(), value); };
}

Initializer zeros() { return constant(0.0); }

Initializer uniform(double bound) {
  return [bound](Rng& rng, Fans, std::span<double> values) { fill_uniform(rng, bound, values); };
}

Initializer glorot_uniform() {
  return
      [](Rng& rng, Fans fans, std::span<double> values) { fill_uniform(rng, std::sqrt(3.0 / mean_fan(fans)), values); };
}

Initializer glorot_normal() {
  return
      [](Rng& rng, Fans fans, std::span<double> values) { fill_normal(rng, std::sqrt(1.0 / mean_fan(fans)), values); };
}

Initializer he_normal() {
  return [](Rng& rng, Fans fans, std::span<double> values) {
    fill_normal(rng, std::sqrt(2.0 / static_cast<double>(fans.in)), values);
  };
}

Initializer torch_uniform() {
  return [](Rng& rng, Fans fans, std::span<double> values) {
    fill_uniform(rng, 1.0 / std::sqrt(static_cast<double>(fans.in)), values);
  };
}

}  // namespace normlab::nn::init
