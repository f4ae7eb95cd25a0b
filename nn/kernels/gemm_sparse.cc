#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/gemm_sparse.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/parallel.h"
#include "nn/kernels/gemm_sparse.h"
#include "nn/kernels/gemm_tile-inl.h"
#include "nn/kernels/nonzeros.h"
#include "nn/kernels/workspace.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Columns per piece, in vectors: two sums of so many fill the pipes of multiply-adds, and a block of B that wide leaves
// room in the first-level cache (32 KiB of 48 where vectors have 16 floats, else at most 24 of 32).
constexpr Index kVectors = kLanes >= 16 ? 4 : 6;
constexpr Index kWidth = kVectors * kLanes;
constexpr Index kFlush = 16;  // rows of the product that are transposed together: a cache line

// Rows [p, p + depth), columns [j, j + cols) of b, side by side, kWidth wide with zeros at the end.
void PackBlock(const Operand& b, Index p, Index depth, Index j, Index cols, float* HWY_RESTRICT block) {
  if (cols < kWidth) {
    std::memset(block, 0, static_cast<std::size_t>(depth * kWidth) * sizeof(float));
  }
  if (b.transposed) {
    Transpose(b.at(p, j), b.ld, cols, depth, block, kWidth);
    return;
  }
  for (Index q = 0; q < depth; ++q) {
    std::memcpy(block + q * kWidth, b.at(p + q, j), static_cast<std::size_t>(cols) * sizeof(float));
  }
}

// sum[0, kWidth) = the sum of value * row over the nonzeros given. Two sums in turn, added at the end: one alone would
// wait for its multiply-adds.
HWY_INLINE void SumRows(const Nonzero* HWY_RESTRICT entry, const Nonzero* end, const float* HWY_RESTRICT block,
                        float* HWY_RESTRICT sum) {
  const Full d;
  hn::Vec<Full> even[kVectors], odd[kVectors];
#pragma GCC unroll 6
  for (Index v = 0; v < kVectors; ++v) {
    even[v] = odd[v] = hn::Zero(d);
  }
  for (; end - entry >= 2; entry += 2) {
    const float *row0 = block + entry[0].row * kWidth, *row1 = block + entry[1].row * kWidth;
    const auto value0 = hn::Set(d, entry[0].value), value1 = hn::Set(d, entry[1].value);
#pragma GCC unroll 6
    for (Index v = 0; v < kVectors; ++v) {
      even[v] = hn::MulAdd(value0, hn::Load(d, row0 + v * kLanes), even[v]);
      odd[v] = hn::MulAdd(value1, hn::Load(d, row1 + v * kLanes), odd[v]);
    }
  }
  if (entry != end) {
    const auto value = hn::Set(d, entry->value);
#pragma GCC unroll 6
    for (Index v = 0; v < kVectors; ++v) {
      even[v] = hn::MulAdd(value, hn::Load(d, block + entry->row * kWidth + v * kLanes), even[v]);
    }
  }
#pragma GCC unroll 6
  for (Index v = 0; v < kVectors; ++v) {
    hn::Store(hn::Add(even[v], odd[v]), d, sum + v * kLanes);
  }
}

// Columns [j, j + cols) of C, from the rows of B in `block`, which are block number q of the nonzeros.
void MultiplyBlock(const Nonzeros& s, Index q, const float* block, Index cols, bool transpose, const Output& out) {
  HWY_ALIGN float sums[kFlush * kWidth];
  for (Index i0 = 0; i0 < s.rows; i0 += kFlush) {
    const Index rows = std::min(kFlush, s.rows - i0);
    for (Index i = 0; i < rows; ++i) {
      SumRows(s.begin(i0 + i, q), s.end(i0 + i, q), block, sums + i * kWidth);
    }
    if (transpose) {
      Transpose(sums, kWidth, rows, cols, out.c + i0, out.ldc, out.accumulate);
      continue;
    }
    for (Index i = 0; i < rows; ++i) {
      float* c = out.c + (i0 + i) * out.ldc;
      ForRange(0, cols, [&](auto d, Index j) HWY_ATTR {
        StoreOrAdd(d, hn::LoadU(d, sums + i * kWidth + j), c, j, out.accumulate);
      });
    }
  }
}

void GemmSparse(const Nonzeros& s, const Operand& b, Index n, bool transpose, const Output& out) {
  float* const scratch = ThreadWorkspace().pieces.reserve(Threads() * kSparseDepth * kWidth);
  parallel_ranges(n, kWidth, [&](Index begin, Index end, int thread) HWY_ATTR {
    float* block = scratch + thread * kSparseDepth * kWidth;
    for (Index q = 0; q < s.blocks(); ++q) {
      const Index p = q * kSparseDepth;
      PackBlock(b, p, std::min(kSparseDepth, s.cols - p), begin, end - begin, block);
      MultiplyBlock(s, q, block, end - begin, transpose,
                    {out.c + begin * (transpose ? out.ldc : 1), out.ldc, out.accumulate || q > 0});
    }
  });
}

Index CountNonzeros(Index n, const float* x) {
  const Full d;
  Index count = 0, i = 0;
  for (; i + FullLanes() <= n; i += FullLanes()) {
    count += static_cast<Index>(hn::CountTrue(d, hn::Ne(hn::LoadU(d, x + i), hn::Zero(d))));
  }
  return count + std::count_if(x + i, x + n, [](float v) { return v != 0.0f; });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(GemmSparse);
HWY_EXPORT(CountNonzeros);

bool mostly_zero(Index rows, Index cols, const float* s) {
  constexpr Index kFewestRows = 32;  // every block of B is copied, which fewer rows do not repay
  constexpr Index kDense = 3;        // from one nonzero in so many on, the dense product is as fast
  return rows >= kFewestRows && HWY_DYNAMIC_DISPATCH(CountNonzeros)(rows * cols, s) * kDense < rows * cols;
}

void gemm_sparse(Trans ts, Trans tb, Trans tc, Index m, Index n, Index k, const float* s, Index lds, const float* b,
                 Index ldb, float* c, Index ldc, bool accumulate) {
  assert(lds >= (ts == Trans::kYes ? m : k) && ldb >= (tb == Trans::kYes ? k : n));
  assert(ldc >= (tc == Trans::kYes ? m : n) && k > 0);
  const Nonzeros nonzeros = FindNonzeros({s, lds, ts == Trans::kYes}, m, k);
  HWY_DYNAMIC_DISPATCH(GemmSparse)(nonzeros, {b, ldb, tb == Trans::kYes}, n, tc == Trans::kYes, {c, ldc, accumulate});
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
