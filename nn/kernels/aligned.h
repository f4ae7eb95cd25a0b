// aligned.h - float memory for kernels: aligned for any vector, kept while it is large enough.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn::kernels {

// Uninitialised floats on a cache line boundary. Grows, never shrinks; growing loses the contents.
// Not thread-safe; movable, owns its memory.
class AlignedBuffer {
 public:
  // Returns room for n floats; allocates only when n exceeds every size asked for before.
  float* reserve(Index n) {
    if (n > data_.size()) {
      data_ = AlignedArray<float>();
      data_ = AlignedArray<float>(n);
    }
    return data_.data();
  }
  const float* data() const { return data_.data(); }

 private:
  AlignedArray<float> data_;
};

}  // namespace normlab::nn::kernels
