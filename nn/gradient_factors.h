// gradient_factors.h - a gradient as what it is made of: that of a layer's weights is a sum of outer products, one for
// each example, and the few of a mini-batch are far less memory than their sum.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn {

// Element (i, j) of the gradient [out x in], row-major, is the sum of dy[b * out + i] * x[b * in + j] over b, from zero
// and in order. A view.
template <typename T>
struct GradientFactors {
  const T* dy = nullptr;  // [batch x out]
  const T* x = nullptr;   // [batch x in]
  Index out = 0, in = 0, batch = 0;
};

}  // namespace normlab::nn
