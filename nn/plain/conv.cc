#include "nn/plain/conv.h"

#include <algorithm>
#include <cmath>

namespace normlab::nn::plain {
namespace {

using kernels::ConvShape;
using kernels::PoolShape;

// Calls f(output, tap, pixel) for every tap of every output that lies on a pixel; all count columns.
template <typename F>
void for_each_tap(const ConvShape& s, F f) {
  Index output = 0;
  for (Index b = 0; b < s.batch; ++b) {
    for (Index y = 0; y < s.out_height(); ++y) {
      for (Index x = 0; x < s.out_width(); ++x, ++output) {
        for (Index tap = 0; tap < s.taps(); ++tap) {
          const Index row = kernels::unpadded(s.mode, y * s.stride + tap / s.kernel_width - s.padding, s.height);
          const Index column = kernels::unpadded(s.mode, x * s.stride + tap % s.kernel_width - s.padding, s.width);
          if (row >= 0 && column >= 0) {
            f(output, tap, (b * s.height + row) * s.width + column);
          }
        }
      }
    }
  }
}

// The same for the cells of pooling windows, with the window.
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

void clear_unless(bool accumulate, Index n, double* values) {
  if (!accumulate) {
    std::fill_n(values, n, 0.0);
  }
}

}  // namespace

void conv2d_forward(const ConvShape& s, const double* x, const double* w, double* y) {
  clear_unless(false, s.batch * s.out_height() * s.out_width() * s.out, y);
  for_each_tap(s, [&](Index output, Index tap, Index pixel) {
    for (Index o = 0; o < s.out; ++o) {
      for (Index c = 0; c < s.in; ++c) {
        y[output * s.out + o] += w[(o * s.taps() + tap) * s.in + c] * x[pixel * s.in + c];
      }
    }
  });
}

void conv2d_input_gradient(const ConvShape& s, const double* dy, const double* w, double* dx, bool accumulate) {
  clear_unless(accumulate, s.batch * s.height * s.width * s.in, dx);
  for_each_tap(s, [&](Index output, Index tap, Index pixel) {
    for (Index o = 0; o < s.out; ++o) {
      for (Index c = 0; c < s.in; ++c) {
        dx[pixel * s.in + c] += w[(o * s.taps() + tap) * s.in + c] * dy[output * s.out + o];
      }
    }
  });
}

void conv2d_weight_gradient(const ConvShape& s, const double* x, const double* dy, double* dw, bool accumulate) {
  clear_unless(accumulate, s.out * s.taps() * s.in, dw);
  for_each_tap(s, [&](Index output, Index tap, Index pixel) {
    for (Index o = 0; o < s.out; ++o) {
      for (Index c = 0; c < s.in; ++c) {
        dw[(o * s.taps() + tap) * s.in + c] += x[pixel * s.in + c] * dy[output * s.out + o];
      }
    }
  });
}

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
  clear_unless(accumulate, s.batch * s.height * s.width * s.channels, dx);
  for_each_cell(s, [&](Index output, Index pixel, Index position, const kernels::PoolWindow&) {
    for (Index c = 0; c < s.channels; ++c) {
      const Index i = output * s.channels + c;
      dx[pixel * s.channels + c] += chosen[i] == position ? dy[i] : 0.0;
    }
  });
}

void mean_pool_forward(const PoolShape& s, const double* x, double* y) {
  clear_unless(false, s.outputs() * s.channels, y);
  for_each_cell(s, [&](Index output, Index pixel, Index, const kernels::PoolWindow& window) {
    for (Index c = 0; c < s.channels; ++c) {
      y[output * s.channels + c] += x[pixel * s.channels + c] / static_cast<double>(window.cells);
    }
  });
}

void mean_pool_backward(const PoolShape& s, const double* dy, double* dx, bool accumulate) {
  clear_unless(accumulate, s.batch * s.height * s.width * s.channels, dx);
  for_each_cell(s, [&](Index output, Index pixel, Index, const kernels::PoolWindow& window) {
    for (Index c = 0; c < s.channels; ++c) {
      dx[pixel * s.channels + c] += dy[output * s.channels + c] / static_cast<double>(window.cells);
    }
  });
}

}  // namespace normlab::nn::plain
