// pool.h - maximum and mean over windows of positions, channel by channel.
#pragma once

#include "nn/layout.h"
#include "nn/tape.h"

namespace normlab::nn {

struct PoolSpec {
  Index height = 1, width = 1;  // of the window
  Index stride = 1;
  Index padding = 0;      // less than the window
  bool round_up = false;  // whether windows that hang over the far edge count if they begin in the image, as in Caffe

  // nn::Error for sizes that do not fit.
  Image output(const Image& input) const;
};

// x: C x (P B), P = image.positions(); gives C x (P' B) in the shape of spec.output().

// The largest of each window; its gradient goes to the first of equals, in rows from the top. Padding is never the
// largest. A NaN is larger than any number.
template <typename T>
BasicVar<T> max_pool(BasicVar<T> x, const Image& image, const PoolSpec& spec);

// The mean of each window. Padding counts as zeros, what lies beyond it not at all: Caffe's average, and PyTorch's.
template <typename T>
BasicVar<T> mean_pool(BasicVar<T> x, const Image& image, const PoolSpec& spec);

// The mean over all positions: C x B.
template <typename T>
BasicVar<T> global_mean_pool(BasicVar<T> x, const Image& image);

}  // namespace normlab::nn
