// conv.h - two-dimensional convolution of floats, forward and both gradients, by the tiles of gemm.
//
// Pixels are vectors of contiguous channels: x is [batch, height, width, in], y [batch, out_height, out_width, out] and
// w [out, kernel_height, kernel_width, in], row-major. Taps are not flipped (cross-correlation), as everywhere in this
// field. Nothing is copied per tap: a run of taps in a row of the kernel is contiguous in a row of pixels, so tiles read
// patches where they lie; only an image with padding is copied once, with its border around it.
//
// Threads and determinism as in gemm.h: pieces are images, and groups of images whose weight gradients are summed in
// order; same bits for any thread count. Scratch memory is kept. Shapes are the caller's contract (conv2d checks them).
#pragma once

#include <cstdint>

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// What stands outside of an image.
enum class Padding : std::uint8_t {
  kZero,
  kReflect,   // the image mirrored at its outermost pixels, which are not repeated; padding < size
  kCircular,  // the opposite side; padding <= size
};

struct ConvShape {
  Index batch, height, width, in, out;
  Index kernel_height, kernel_width, stride, padding;
  Padding mode;

  Index padded_height() const { return height + 2 * padding; }
  Index padded_width() const { return width + 2 * padding; }
  Index out_height() const { return (padded_height() - kernel_height) / stride + 1; }
  Index out_width() const { return (padded_width() - kernel_width) / stride + 1; }
  Index taps() const { return kernel_height * kernel_width; }
};

// Where row or column i of an image of n such lies, for i in [-padding, n + padding); -1: nowhere, a zero.
inline Index unpadded(Padding mode, Index i, Index n) {
  if (i >= 0 && i < n) {
    return i;
  }
  switch (mode) {
    case Padding::kReflect:
      return i < 0 ? -i : 2 * (n - 1) - i;
    case Padding::kCircular:
      return i < 0 ? i + n : i - n;
    default:
      return -1;
  }
}

void conv2d_forward(const ConvShape& shape, const float* x, const float* w, float* y);
// dx is overwritten, or added to with `accumulate`; so is dw.
void conv2d_input_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx, bool accumulate);
void conv2d_weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw, bool accumulate);

}  // namespace normlab::nn::kernels
