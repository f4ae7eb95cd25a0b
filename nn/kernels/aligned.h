// aligned.h - float memory for kernels: aligned for any vector, kept while it is large enough.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>

namespace normlab::nn::kernels {

using Index = std::ptrdiff_t;

// Uninitialised floats, aligned to a cache line at least. Grows, never shrinks; growing loses the contents.
// Not thread-safe; movable, owns its memory.
class AlignedBuffer {
 public:
  // Returns room for n floats; allocates only when n exceeds every size asked for before.
  float* reserve(Index n) {
    if (n > capacity_) {
      data_.reset();
      data_ = hwy::AllocateAligned<float>(static_cast<std::size_t>(n));
      capacity_ = n;
    }
    return data_.get();
  }
  const float* data() const { return data_.get(); }

 private:
  hwy::AlignedFreeUniquePtr<float[]> data_;
  Index capacity_ = 0;
};

}  // namespace normlab::nn::kernels
