// arena.h - memory for one training step: handed out by moving a pointer, taken back all at once.
//
// The first step finds out how much is needed; blocks double in size and are kept, so later steps of the same shapes
// allocate nothing. Objects put here are never destroyed: only trivially destructible types belong in it.
//
// Not thread-safe. Pointers die at reset().
#pragma once

#include <cstddef>
#include <vector>

#include "nn/aligned_array.h"

namespace normlab::nn {

class Arena {
 public:
  // `bytes` uninitialised bytes on a cache line boundary.
  void* allocate(std::size_t bytes);

  // n uninitialised values of a trivial type.
  template <typename T>
  T* array(Index n) {
    static_assert(std::is_trivially_destructible_v<T>);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): T may well be a pointer
    return static_cast<T*>(allocate(static_cast<std::size_t>(n) * sizeof(T)));
  }

  // Takes everything back; the memory stays reserved.
  void reset();

  // Bytes reserved from the system.
  std::size_t capacity() const;

 private:
  std::vector<AlignedArray<std::byte>> blocks_;
  std::size_t block_ = 0;  // the block in use
  std::size_t used_ = 0;   // bytes of it handed out
};

}  // namespace normlab::nn
