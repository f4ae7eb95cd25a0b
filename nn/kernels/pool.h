// pool.h - maximum and mean over windows of an image's pixels, channel by channel, with their gradients.
//
// Pixels are vectors of contiguous channels: x is [batch, height, width, channels], y the same of the outputs. Threads
// share the work by images: same bits for any thread count. Nothing is allocated.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// The pixels [row0, row1) x [column0, column1), at least one, and the cells that count: with those of the padding.
struct PoolWindow {
  Index row0, row1, column0, column1;
  Index cells;
};

struct PoolShape {
  Index batch, height, width, channels;
  Index window_height, window_width, stride, padding;
  bool round_up;  // a last window that hangs over the edge of the padding is one too, if it begins inside of the image

  Index out_height() const { return along(height, window_height); }
  Index out_width() const { return along(width, window_width); }
  Index outputs() const { return batch * out_height() * out_width(); }

  // Of the output in row y and column x. Needs padding < window.
  PoolWindow window(Index y, Index x) const {
    const Index top = y * stride - padding, left = x * stride - padding;
    const Index bottom = std::min(top + window_height, height + padding);
    const Index right = std::min(left + window_width, width + padding);
    return {.row0 = std::max<Index>(top, 0),
            .row1 = std::min(bottom, height),
            .column0 = std::max<Index>(left, 0),
            .column1 = std::min(right, width),
            .cells = (bottom - top) * (right - left)};
  }

 private:
  Index along(Index size, Index window) const {
    const Index slack = size + 2 * padding - window;
    const Index n = (slack + (round_up ? stride - 1 : 0)) / stride + 1;
    return (n - 1) * stride >= size + padding ? n - 1 : n;
  }
};

// `chosen`: for each value of y the position, y * width + x, of the pixel it comes from: the first of equals; a NaN is
// larger than any number.
void max_pool_forward(const PoolShape& shape, const float* x, float* y, std::int32_t* chosen);
// dx is overwritten, or added to with `accumulate`.
void max_pool_backward(const PoolShape& shape, const float* dy, const std::int32_t* chosen, float* dx, bool accumulate);

// The sum over a window's pixels divided by its cells.
void mean_pool_forward(const PoolShape& shape, const float* x, float* y);
void mean_pool_backward(const PoolShape& shape, const float* dy, float* dx, bool accumulate);

}  // namespace normlab::nn::kernels
