// aligned.h - memory for kernels: aligned for any vector, kept while it is large enough.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn::kernels {

// Uninitialised values on a cache line boundary. Grows, never shrinks; growing loses the contents.
// Not thread-safe; movable, owns its memory.
template <typename T>
class BasicAlignedBuffer {
 public:
  // Returns room for n values; allocates only when n exceeds every size asked for before.
  T* reserve(Index n) {
    if (n > data_.size()) {
      data_ = AlignedArray<T>();
      data_ = AlignedArray<T>(n);
    }
    return data_.data();
  }
  const T* data() const { return data_.data(); }

 private:
  AlignedArray<T> data_;
};

using AlignedBuffer = BasicAlignedBuffer<float>;

}  // namespace normlab::nn::kernels
