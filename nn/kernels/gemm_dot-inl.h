// gemm_dot-inl.h - C = A B^T for few rows of A: both operands are read along k as they lie, nothing is packed, and
// every row of B, the weights, is read from memory once. Included inside foreach_target, once per instruction set.
#if defined(NORMLAB_NN_KERNELS_GEMM_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_GEMM_DOT_INL_H_
#undef NORMLAB_NN_KERNELS_GEMM_DOT_INL_H_
#else
#define NORMLAB_NN_KERNELS_GEMM_DOT_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <array>

#include "base/parallel.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

constexpr Index kDotRows = 4, kDotCols = 3;  // 12 sums and their operands fit 16 registers
constexpr Index kDotGrain = 16 * kDotCols;   // rows of B per piece

struct DotProduct {
  Index k;
  const float* a;
  Index lda;
  const float* b;
  Index ldb;
  float* c;
  Index row_stride, col_stride;  // of c
  bool accumulate;
};

// kRows x kCols dot products at row i of A and row j of B.
template <Index kRows, Index kCols>
void DotTile(const DotProduct& s, Index i, Index j) {
  const Full d;
  const float* HWY_RESTRICT a = s.a + i * s.lda;
  const float* HWY_RESTRICT b = s.b + j * s.ldb;
  hn::Vec<Full> sums[kRows][kCols];
  for (auto& row : sums) {
    for (auto& sum : row) {
      sum = hn::Zero(d);
    }
  }
  Index p = 0;
  for (; p + FullLanes() <= s.k; p += FullLanes()) {
    hn::Vec<Full> bv[kCols];
    for (Index y = 0; y < kCols; ++y) {
      hwy::Prefetch(b + (y + kDotCols) * s.ldb + p);  // the next tile's: the processor's own asking ends with a page
      bv[y] = hn::LoadU(d, b + y * s.ldb + p);
    }
    for (Index x = 0; x < kRows; ++x) {
      const auto av = hn::LoadU(d, a + x * s.lda + p);
      for (Index y = 0; y < kCols; ++y) {
        sums[x][y] = hn::MulAdd(av, bv[y], sums[x][y]);
      }
    }
  }
  for (Index x = 0; x < kRows; ++x) {
    for (Index y = 0; y < kCols; ++y) {
      float total = hn::GetLane(hn::SumOfLanes(d, sums[x][y]));
      for (Index q = p; q < s.k; ++q) {
        total += a[x * s.lda + q] * b[y * s.ldb + q];
      }
      float& c = s.c[(i + x) * s.row_stride + (j + y) * s.col_stride];
      c = s.accumulate ? c + total : total;
    }
  }
}

using DotFunction = void (*)(const DotProduct&, Index, Index);
constexpr std::array<std::array<DotFunction, kDotCols>, kDotRows> kDotTiles{{
    {&DotTile<1, 1>, &DotTile<1, 2>, &DotTile<1, 3>},
    {&DotTile<2, 1>, &DotTile<2, 2>, &DotTile<2, 3>},
    {&DotTile<3, 1>, &DotTile<3, 2>, &DotTile<3, 3>},
    {&DotTile<4, 1>, &DotTile<4, 2>, &DotTile<4, 3>},
}};

// m rows of A, few; n rows of B.
inline void MultiplyDots(const DotProduct& s, Index m, Index n) {
  parallel_ranges(n, kDotGrain, [&](Index begin, Index end) HWY_ATTR {
    for (Index j = begin; j < end; j += kDotCols) {
      const Index cols = std::min(kDotCols, end - j);
      for (Index i = 0; i < m; i += kDotRows) {
        const Index rows = std::min(kDotRows, m - i);
        kDotTiles[static_cast<std::size_t>(rows - 1)][static_cast<std::size_t>(cols - 1)](s, i, j);
      }
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_GEMM_DOT_INL_H_
