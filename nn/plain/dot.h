// dot.h - the inner product of two rows, in an order that is fixed and that compilers turn into vectors.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn::plain {

// Sums in `Sum`, in eight lanes that are added up last: a plain loop may not be reordered and runs at a value per add.
template <typename Sum, typename T>
Sum dot(const T* a, const T* b, Index n) {
  constexpr Index kLanes = 8;
  Sum lanes[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index l = 0; l < kLanes; ++l) {
      lanes[l] += static_cast<Sum>(a[i + l]) * static_cast<Sum>(b[i + l]);
    }
  }
  for (Index l = 0; i < n; ++i, ++l) {
    lanes[l] += static_cast<Sum>(a[i]) * static_cast<Sum>(b[i]);
  }
  Sum sum{0};
  for (const Sum lane : lanes) {
    sum += lane;
  }
  return sum;
}

}  // namespace normlab::nn::plain
