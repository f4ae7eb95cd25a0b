#include "nn/plain/pool.h"

#include <algorithm>
#include <cmath>

namespace normlab::nn::plain {
namespace {

using kernels::PoolShape;

// Calls f(output, pixel, position, window) for every pixel of every window: columns of y and of x, and where the pixel is
// in its image.
template <typename F>
void for_each_cell(const PoolShape& s, F f) {
  Index output = 0;
  for (Index b = 0; b < s.batch; ++b) {
    for (Index y = 0; y < s.out_height(); ++y) {
      for (Index x = 0; x < s.out_width(); ++x, ++output) {
        const kernels::PoolWindow window = s.window(y, x);
        for (Index row = window.row0; row < window.row1; ++row) {
          for (Index column = window.column0; column < window.column1; ++column) {
            f(output, (b * s.height + row) * s.width + column, row * s.width + column, window);
          }
        }
      }
    }
  }
}

}  // namespace

void max_pool_forward(const PoolShape& s, const double* x, double* y, std::int32_t* chosen) {
  std::fill_n(chosen, s.outputs() * s.channels, -1);
  for_each_cell(s, [&](Index output, Index pixel, Index position, const kernels::PoolWindow&) {
    for (Index c = 0; c < s.channels; ++c) {
      const double value = x[pixel * s.channels + c];
      const Index i = output * s.channels + c;
      if (chosen[i] < 0 || value > y[i] || std::isnan(value)) {
        y[i] = value;
        chosen[i] = static_cast<std::int32_t>(position);
      }
    }
  });
}

void max_pool_backward(const PoolShape& s, const double* dy, const std::int32_t* chosen, double* dx, bool accumulate) {
  if (!accumulate) {
    std::fill_n(dx, s.batch * s.height * s.width * s.channels, 0.0);
  }
  for_each_cell(s, [&](Index output, Index pixel, Index position, const kernels::PoolWindow&) {
    for (Index c = 0; c < s.channels; ++c) {
      const Index i = output * s.channels + c;
      dx[pixel * s.channels + c] += chosen[i] == position ? dy[i] : 0.0;
    }
  });
}

void mean_pool_forward(const PoolShape& s, const double* x, double* y) {
  std::fill_n(y, s.outputs() * s.channels, 0.0);
  for_each_cell(s, [&](Index output, Index pixel, Index, const kernels::PoolWindow& window) {
    for (Index c = 0; c < s.channels; ++c) {
      y[output * s.channels + c] += x[pixel * s.channels + c] / static_cast<double>(window.cells);
    }
  });
}

void mean_pool_backward(const PoolShape& s, const double* dy, double* dx, bool accumulate) {
  if (!accumulate) {
    std::fill_n(dx, s.batch * s.height * s.width * s.channels, 0.0);
  }
  for_each_cell(s, [&](Index output, Index pixel, Index, const kernels::PoolWindow& window) {
    for (Index c = 0; c < s.channels; ++c) {
      dx[pixel * s.channels + c] += dy[output * s.channels + c] / static_cast<double>(window.cells);
    }
  });
}

}  // namespace normlab::nn::plain
