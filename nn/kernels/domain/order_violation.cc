#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/domain/order_violation.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/domain/order_violation.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Pairs whose sums live in registers at once, and vectors of a piece: those of s stay in the second-level cache while
// tiles of x go by, in the first.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr Index kTileRows = 4, kTileCols = 4;  // 32 vector registers
#else
constexpr Index kTileRows = 2, kTileCols = 4;  // 16 vector registers
#endif
constexpr Index kPieceRows = 32, kPieceCols = 128;

// Adds (s - x) max(0, s - x), which is NaN where s - x is, whatever the maximum is there.
template <typename D, typename V = hn::Vec<D>>
HWY_INLINE V AddViolation(D d, V s, V x, V sum) {
  const V excess = hn::Sub(s, x);
  return hn::MulAdd(excess, hn::Max(excess, hn::Zero(d)), sum);
}

// The pairs of kRows vectors at s and kCols at x, each summed by itself in one order.
template <Index kRows, Index kCols>
HWY_INLINE void Tile(const OrderPairs<float>& p, const float* s, const float* x, float* e) {
  const Full d;
  const Single one;
  const Index f = p.f, lanes = FullLanes(), whole = f / lanes * lanes;
  hn::Vec<Full> sums[kRows][kCols];
  for (auto& row : sums) {
    for (auto& sum : row) {
      sum = hn::Zero(d);
    }
  }
  for (Index i = 0; i < whole; i += lanes) {
    hn::Vec<Full> row[kRows];
    for (Index r = 0; r < kRows; ++r) {
      row[r] = hn::LoadU(d, s + r * f + i);
    }
    for (Index c = 0; c < kCols; ++c) {
      const auto column = hn::LoadU(d, x + c * f + i);
      for (Index r = 0; r < kRows; ++r) {
        sums[r][c] = AddViolation(d, row[r], column, sums[r][c]);
      }
    }
  }
  for (Index r = 0; r < kRows; ++r) {
    for (Index c = 0; c < kCols; ++c) {
      auto rest = hn::Zero(one);
      for (Index i = whole; i < f; ++i) {
        rest = AddViolation(one, hn::LoadU(one, s + r * f + i), hn::LoadU(one, x + c * f + i), rest);
      }
      e[c * p.rows + r] = hn::GetLane(hn::SumOfLanes(d, sums[r][c])) + hn::GetLane(rest);
    }
  }
}

template <Index kCols>
HWY_INLINE void TileColumn(const OrderPairs<float>& p, Index begin, Index end, Index j, float* e) {
  const float* const x = p.x + j * p.f;
  Index i = begin;
  for (; i + kTileRows <= end; i += kTileRows) {
    Tile<kTileRows, kCols>(p, p.s + i * p.f, x, e + j * p.rows + i);
  }
  for (; i < end; ++i) {
    Tile<1, kCols>(p, p.s + i * p.f, x, e + j * p.rows + i);
  }
}

void Violation(const OrderPairs<float>& p, float* e) {
  const Index across = (p.cols + kPieceCols - 1) / kPieceCols;
  const Index down = (p.rows + kPieceRows - 1) / kPieceRows;
  parallel_for(down * across, [&](Index piece) HWY_ATTR {
    const Index begin = piece / across * kPieceRows, end = std::min(begin + kPieceRows, p.rows);
    const Index first = piece % across * kPieceCols, last = std::min(first + kPieceCols, p.cols);
    Index j = first;
    for (; j + kTileCols <= last; j += kTileCols) {
      TileColumn<kTileCols>(p, begin, end, j, e);
    }
    for (; j < last; ++j) {
      TileColumn<1>(p, begin, end, j, e);
    }
  });
}

// to += weight max(0, s - x).
HWY_INLINE void AddExcess(Index f, float weight, const float* s, const float* x, float* to) {
  ForRange(0, f, [&](auto d, Index i) HWY_ATTR {
    const auto excess = hn::Max(hn::Sub(hn::LoadU(d, s + i), hn::LoadU(d, x + i)), hn::Zero(d));
    hn::StoreU(hn::MulAdd(hn::Set(d, weight), excess, hn::LoadU(d, to + i)), d, to + i);
  });
}

// For each of `n` vectors of a gradient, a piece each: cleared if it is to be, then add(k, vector).
template <typename Add>
HWY_INLINE void ForEachGradient(Index n, Index f, float* gradients, bool accumulate, Add&& add) {
  parallel_for(n, [&](Index k) HWY_ATTR {
    float* const gradient = gradients + k * f;
    if (!accumulate) {
      std::fill_n(gradient, f, 0.0f);
    }
    add(k, gradient);
  });
}

void BackwardS(const OrderPairs<float>& p, const float* de, float* ds, bool accumulate) {
  ForEachGradient(p.rows, p.f, ds, accumulate, [&](Index i, float* gradient) HWY_ATTR {
    for (Index j = 0; j < p.cols; ++j) {
      if (const float slope = de[j * p.rows + i]; slope != 0.0f) {
        AddExcess(p.f, 2.0f * slope, p.s + i * p.f, p.x + j * p.f, gradient);
      }
    }
  });
}

void BackwardX(const OrderPairs<float>& p, const float* de, float* dx, bool accumulate) {
  ForEachGradient(p.cols, p.f, dx, accumulate, [&](Index j, float* gradient) HWY_ATTR {
    for (Index i = 0; i < p.rows; ++i) {
      if (const float slope = de[j * p.rows + i]; slope != 0.0f) {
        AddExcess(p.f, -2.0f * slope, p.s + i * p.f, p.x + j * p.f, gradient);
      }
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(Violation);
HWY_EXPORT(BackwardS);
HWY_EXPORT(BackwardX);

void order_violation(const OrderPairs<float>& pairs, float* e) { HWY_DYNAMIC_DISPATCH(Violation)(pairs, e); }

void order_violation_backward_s(const OrderPairs<float>& pairs, const float* de, float* ds, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(BackwardS)(pairs, de, ds, accumulate);
}

void order_violation_backward_x(const OrderPairs<float>& pairs, const float* de, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(BackwardX)(pairs, de, dx, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
