// gemm_sweep-inl.h - C = A B for few rows of A and a row-major B: the rows of B, the weights, are read in order and
// once, and what they add goes to sums that stay in the first-level cache. Included inside foreach_target, once per
// instruction set.
#if defined(NORMLAB_NN_KERNELS_GEMM_SWEEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_GEMM_SWEEP_INL_H_
#undef NORMLAB_NN_KERNELS_GEMM_SWEEP_INL_H_
#else
#define NORMLAB_NN_KERNELS_GEMM_SWEEP_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <array>

#include "base/parallel.h"
#include "nn/kernels/gemm_blocks-inl.h"
#include "nn/kernels/gemm_operands.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

constexpr Index kSweepRows = 4;                       // of A at a time
constexpr Index kSweepSteps = kTileRows > 6 ? 4 : 2;  // rows of B at a time: their factors stay in registers
constexpr Index kSweepWidth = 512;                    // columns of a piece
constexpr Index kSweepDepth = 128;                    // rows of B summed up before C is written
constexpr Index kMostSweepRows = 8;                   // sums are 16 KiB then

// sums [kRows x n] += columns [0, n) of A B, where `a` and `b` start at step p and only kSteps steps are taken.
template <Index kRows, Index kSteps>
void Sweep(const Operand& a, const float* HWY_RESTRICT b, Index ldb, Index n, float* HWY_RESTRICT sums) {
  const auto add = [&](auto d, Index begin, Index end) HWY_ATTR {
    using D = decltype(d);
    hn::Vec<D> factor[kRows][kSteps];
    for (Index r = 0; r < kRows; ++r) {
      for (Index s = 0; s < kSteps; ++s) {
        factor[r][s] = hn::Set(d, *a.at(r, s));
      }
    }
    for (Index j = begin; j < end; j += static_cast<Index>(hn::Lanes(d))) {
      hn::Vec<D> row[kSteps];
      for (Index s = 0; s < kSteps; ++s) {
        hwy::Prefetch(b + (s + kSteps) * ldb + j);
        row[s] = hn::LoadU(d, b + s * ldb + j);
      }
      for (Index r = 0; r < kRows; ++r) {
        auto sum = hn::LoadU(d, sums + r * kSweepWidth + j);
        for (Index s = 0; s < kSteps; ++s) {
          sum = hn::MulAdd(factor[r][s], row[s], sum);
        }
        hn::StoreU(sum, d, sums + r * kSweepWidth + j);
      }
    }
  };
  const Index whole = n / FullLanes() * FullLanes();
  add(Full(), 0, whole);
  add(Single(), whole, n);
}

using SweepFunction = void (*)(const Operand&, const float*, Index, Index, float*);
// For every number of rows, one step and kSweepSteps.
constexpr std::array<std::array<SweepFunction, 2>, kSweepRows> kSweeps{{
    {&Sweep<1, 1>, &Sweep<1, kSweepSteps>},
    {&Sweep<2, 1>, &Sweep<2, kSweepSteps>},
    {&Sweep<3, 1>, &Sweep<3, kSweepSteps>},
    {&Sweep<4, 1>, &Sweep<4, kSweepSteps>},
}};

// m of at most kMostSweepRows. B is not transposed.
inline void MultiplySweeping(const Operand& a, const Operand& b, Index m, Index n, Index k, const Output& out) {
  const DepthBlocks blocks(k, kSweepDepth);
  parallel_ranges(n, kSweepWidth, [&](Index begin, Index end) HWY_ATTR {
    HWY_ALIGN float sums[kMostSweepRows * kSweepWidth];
    for (Index p = 0; p < k; p = blocks.end(p)) {
      std::fill_n(sums, m * kSweepWidth, 0.0f);
      for (Index q = p, steps = 0; q < blocks.end(p); q += steps) {
        steps = q + kSweepSteps <= blocks.end(p) ? kSweepSteps : 1;
        for (Index i = 0; i < m; i += kSweepRows) {
          const auto rows = static_cast<std::size_t>(std::min(kSweepRows, m - i));
          kSweeps[rows - 1][steps > 1](a.from(i, q), b.at(q, begin), b.ld, end - begin, sums + i * kSweepWidth);
        }
      }
      for (Index i = 0; i < m; ++i) {
        float* c = out.c + i * out.ldc + begin;
        ForRange(0, end - begin, [&](auto d, Index j) HWY_ATTR {
          StoreOrAdd(d, hn::LoadU(d, sums + i * kSweepWidth + j), c, j, out.accumulate || p > 0);
        });
      }
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_GEMM_SWEEP_INL_H_
