// conv.h - two-dimensional convolution of image batches.
#pragma once

#include "nn/kernels/conv.h"
#include "nn/layout.h"
#include "nn/tape.h"

namespace normlab::nn {

using kernels::Padding;

struct ConvSpec {
  Index height = 1, width = 1;  // of the kernel
  Index stride = 1;
  Index padding = 0;  // rows above and below, columns left and right
  Padding mode = Padding::kZero;

  // What `out` kernels make of such an image. nn::Error for sizes that do not fit.
  Image output(const Image& input, Index out) const;
};

// y at an output's position: the sum over taps and channels of w x, each output stride positions from the last; taps are
// not flipped. x: C x (P B), P = image.positions() (layout.h). w: (height width C) x C', the memory of [C', height, width,
// C]. Gives C' x (P' B), in the shape of spec.output().
// No gradient is computed for x if it needs none, as for pixels.
template <typename T>
BasicVar<T> conv2d(BasicVar<T> w, BasicVar<T> x, const Image& image, const ConvSpec& spec);

}  // namespace normlab::nn
