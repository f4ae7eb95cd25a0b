#include "nn/init.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "nn/error.h"

namespace normlab::nn::init {
namespace {

void fill_uniform(Rng& rng, double bound, std::span<double> values) {
  std::generate(values.begin(), values.end(), [&] { return rng.Uniform(-bound, bound); });
}

void fill_normal(Rng& rng, double deviation, std::span<double> values) {
  std::generate(values.begin(), values.end(), [&] { return deviation * rng.Normal(); });
}

// Summed in eight lanes, which compilers make vectors of without another order of their own.
double dot(const double* a, const double* b, Index n) {
  std::array<double, 8> lanes{};
  const Index whole = n / 8 * 8;
  for (Index i = 0; i < whole; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      lanes[lane] += a[i + static_cast<Index>(lane)] * b[i + static_cast<Index>(lane)];
    }
  }
  return std::inner_product(a + whole, a + n, b + whole, std::accumulate(lanes.begin(), lanes.end(), 0.0));
}

// Makes the n rows of a square matrix orthogonal and as long as `scale`: modified Gram-Schmidt.
void orthogonalise(double* rows, Index n, double scale) {
  for (Index k = 0; k < n; ++k) {
    double* const q = rows + k * n;
    const double length = std::sqrt(dot(q, q, n));
    std::transform(q, q + n, q, [length](double v) { return v / length; });
    parallel_for(n - k - 1, [=](Index i) {
      double* const row = q + (i + 1) * n;
      const double along = dot(q, row, n);
      std::transform(row, row + n, q, row, [along](double v, double unit) { return v - along * unit; });
    });
  }
  std::transform(rows, rows + n * n, rows, [scale](double v) { return scale * v; });
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

Initializer normal(double deviation) {
  return [deviation](Rng& rng, Fans, std::span<double> values) { fill_normal(rng, deviation, values); };
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

Initializer orthogonal(double scale) {
  return [scale](Rng& rng, Fans fans, std::span<double> values) {
    if (fans.out % fans.in != 0 || static_cast<Index>(values.size()) != fans.in * fans.out) {
      throw Error(
          fmt::format("orthogonal: a weight of {} outputs and {} inputs ({} values); expected a multiple of the inputs",
                      fans.out, fans.in, values.size()));
    }
    fill_normal(rng, 1.0, values);
    for (Index block = 0; block < fans.out / fans.in; ++block) {
      orthogonalise(values.data() + block * fans.in * fans.in, fans.in, scale);
    }
  };
}

}  // namespace normlab::nn::init
