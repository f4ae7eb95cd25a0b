#include "nn/plain/conv.h"

#include <algorithm>

namespace normlab::nn::plain {
namespace {

using kernels::ConvShape;

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

}  // namespace

void conv2d_forward(const ConvShape& s, const double* x, const double* w, double* y) {
  std::fill_n(y, s.batch * s.out_height() * s.out_width() * s.out, 0.0);
  for_each_tap(s, [&](Index output, Index tap, Index pixel) {
    for (Index o = 0; o < s.out; ++o) {
      for (Index c = 0; c < s.in; ++c) {
        y[output * s.out + o] += w[(o * s.taps() + tap) * s.in + c] * x[pixel * s.in + c];
      }
    }
  });
}

void conv2d_input_gradient(const ConvShape& s, const double* dy, const double* w, double* dx, bool accumulate) {
  if (!accumulate) {
    std::fill_n(dx, s.batch * s.height * s.width * s.in, 0.0);
  }
  for_each_tap(s, [&](Index output, Index tap, Index pixel) {
    for (Index o = 0; o < s.out; ++o) {
      for (Index c = 0; c < s.in; ++c) {
        dx[pixel * s.in + c] += w[(o * s.taps() + tap) * s.in + c] * dy[output * s.out + o];
      }
    }
  });
}

void conv2d_weight_gradient(const ConvShape& s, const double* x, const double* dy, double* dw, bool accumulate) {
  if (!accumulate) {
    std::fill_n(dw, s.out * s.taps() * s.in, 0.0);
  }
  for_each_tap(s, [&](Index output, Index tap, Index pixel) {
    for (Index o = 0; o < s.out; ++o) {
      for (Index c = 0; c < s.in; ++c) {
        dw[(o * s.taps() + tap) * s.in + c] += x[pixel * s.in + c] * dy[output * s.out + o];
      }
    }
  });
}

}  // namespace normlab::nn::plain
