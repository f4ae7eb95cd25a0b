#include "nn/kernels/nonzeros.h"

#include <algorithm>
#include <bit>

#include "base/parallel.h"

namespace normlab::nn::kernels {
namespace {

constexpr Index kRowsPerPiece = 16;  // of a transposed operand: the values of a cache line

// Appends without a branch, which could not be foreseen: the place after the last nonzero is written anyhow.
std::int32_t Collect(const float* values, Index stride, Index n, Nonzero* out) {
  Nonzero* next = out;
  for (Index p = 0; p < n; ++p) {
    const float value = values[p * stride];
    *next = {static_cast<std::int32_t>(p), value};
    next += std::bit_cast<std::uint32_t>(value) << 1 != 0;  // +0 and -0 alone have no bit but the sign
  }
  return static_cast<std::int32_t>(next - out);
}

}  // namespace

Nonzeros FindNonzeros(const Operand& s, Index rows, Index cols) {
  thread_local BasicAlignedBuffer<Nonzero> entries;
  thread_local BasicAlignedBuffer<std::int32_t> counts;
  const Index blocks = (cols + kSparseDepth - 1) / kSparseDepth;
  Nonzero* const all = entries.reserve(rows * cols);
  std::int32_t* const count = counts.reserve(rows * blocks);
  parallel_ranges(rows, kRowsPerPiece, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      for (Index q = 0; q < blocks; ++q) {
        const Index p = q * kSparseDepth, depth = std::min(kSparseDepth, cols - p);
        count[i * blocks + q] = Collect(s.at(i, p), s.transposed ? s.ld : 1, depth, all + i * cols + p);
      }
    }
  });
  return {rows, cols, all, count};
}

}  // namespace normlab::nn::kernels
