// aligned_array.h - a fixed number of values on a cache line boundary, for memory that vector kernels stream over.
//
// Not a container that grows: making one allocates, nothing else does. Owns its memory; movable, not copyable.
// Arrays of several huge pages ask Linux for them: the streams of an optimizer then miss the TLB far less often.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace normlab::nn {

using Index = std::ptrdiff_t;

inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

template <typename T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedArray() = default;
  // n uninitialised values.
  explicit AlignedArray(Index n) : data_(allocate(static_cast<std::size_t>(n) * sizeof(T))), size_(n) {}
  AlignedArray(Index n, T value) : AlignedArray(n) { std::fill_n(data_.get(), n, value); }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  Index size() const { return size_; }

 private:
  struct Free {
    std::align_val_t alignment{kCacheLine};
    void operator()(T* p) const { ::operator delete(p, alignment); }
  };
  using Memory = std::unique_ptr<T, Free>;

  static Memory allocate(std::size_t bytes) {
    const bool huge = bytes >= 2 * kHugePage;
    const std::align_val_t alignment{huge ? kHugePage : kCacheLine};
    Memory memory(static_cast<T*>(::operator new(bytes, alignment)), Free{alignment});
    if (huge) {
      madvise(memory.get(), bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a wish; small pages work too
    }
    return memory;
  }

  Memory data_;
  Index size_ = 0;
};

}  // namespace normlab::nn
