// aligned_array.h - a fixed number of values on a cache line boundary, for memory that vector kernels stream over.
//
// Not a container that grows: making one allocates, nothing else does. Owns its memory; movable, not copyable.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace normlab::nn {

using Index = std::ptrdiff_t;

inline constexpr std::size_t kCacheLine = 64;

template <typename T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedArray() = default;
  // n uninitialised values.
  explicit AlignedArray(Index n)
      : data_(static_cast<T*>(::operator new (static_cast<std::size_t>(n) * sizeof(T), std::align_val_t{kCacheLine}))),
        size_(n) {}
  AlignedArray(Index n, T value) : AlignedArray(n) { std::fill_n(data_.get(), n, value); }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  Index size() const { return size_; }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete (p, std::align_val_t{kCacheLine}); }
  };
  std::unique_ptr<T, Free> data_;
  Index size_ = 0;
};

}  // namespace normlab::nn
