#include "nn/kernels/nonzeros.h"

#include <algorithm>
#include <bit>

#include "base/parallel.h"

namespace normlab::nn::kernels {
namespace {

// Appends without a branch, which could not be foreseen: the place after the last nonzero is written anyhow. Returns
// that place.
Nonzero* Collect(const float* values, Index stride, Index n, Nonzero* next) {
  for (Index p = 0; p < n; ++p) {
    const float value = values[p * stride];
    *next = {static_cast<std::int32_t>(p), value};
    next += std::bit_cast<std::uint32_t>(value) << 1 != 0;  // +0 and -0 alone have no bit but the sign
  }
  return next;
}

}  // namespace

Nonzeros FindNonzeros(const Operand& s, Index rows, Index cols) {
  thread_local BasicAlignedBuffer<Nonzero> entries;
  thread_local BasicAlignedBuffer<std::int32_t> indices;
  const Index blocks = (cols + kSparseDepth - 1) / kSparseDepth;
  Nonzero* const all = entries.reserve(rows * cols);
  std::int32_t* const starts = indices.reserve((rows + 1) * blocks);
  parallel_for(blocks, [&](Index q) {
    const Index p = q * kSparseDepth, depth = std::min(kSparseDepth, cols - p);
    Nonzero *const first = all + p * rows, *next = first;
    std::int32_t* const start = starts + q * (rows + 1);
    start[0] = 0;
    for (Index i = 0; i < rows; ++i) {
      next = Collect(s.at(i, p), s.transposed ? s.ld : 1, depth, next);
      start[i + 1] = static_cast<std::int32_t>(next - first);
    }
  });
  return {rows, cols, all, starts};
}

}  // namespace normlab::nn::kernels
