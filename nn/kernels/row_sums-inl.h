// row_sums-inl.h - sums and moments of columns over many rows, kept in registers while the rows go by. Included inside
// foreach_target, once per instruction set; never from another header.
#if defined(NORMLAB_NN_KERNELS_ROW_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_ROW_SUMS_INL_H_
#undef NORMLAB_NN_KERNELS_ROW_SUMS_INL_H_
#else
#define NORMLAB_NN_KERNELS_ROW_SUMS_INL_H_
#endif

#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/simd-inl.h"
#include "nn/kernels/workspace.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

// Rows whose terms are added up before they reach a sum: a few columns of so many rows stay in the first-level cache,
// and a long chain of additions loses nothing.
constexpr Index kRowChunk = 64;

struct Range {
  Index begin, end;
  Index size() const { return end - begin; }
};

// Reductions over more rows than these are cut by rows too: the columns alone may be one piece, and one chain of
// additions. So many no sum of the fully connected and recurrent experiments has, whose bits were there first
// (DECISIONS 64); fewer take no time beside a convolution.
constexpr Index kManyRows = 1 << 16;
constexpr Index kRowPieces = 32;

// Of many rows: none of the pieces is empty.
HWY_INLINE Range RowsOfPiece(Index rows, Index piece) {
  return {rows * piece / kRowPieces, rows * (piece + 1) / kRowPieces};
}

// Calls body(piece, rows, columns) for the pieces of the rows, and blocks of columns within each.
template <typename Body>
void ForRowPieces(Index rows, Index f, Body&& body) {
  const Index blocks = (f + kColumnGrain - 1) / kColumnGrain;
  parallel_for(kRowPieces * blocks, [&](Index i) HWY_ATTR {
    const Index piece = i / blocks, column = i % blocks * kColumnGrain;
    body(piece, RowsOfPiece(rows, piece), Range{column, std::min(column + kColumnGrain, f)});
  });
}

// sum[j] += dy and dot[j] += dy n over the rows, for the columns; either may be null. dy: rows of `stride` floats;
// n(d, row, j) is what dy is multiplied by.
template <typename Factor>
HWY_INLINE void AddGradientSums(Range rows, Range columns, Index stride, const float* dy, float* sum, float* dot,
                                Factor&& n) {
  for (Index begin = rows.begin; begin < rows.end; begin += kRowChunk) {
    const Index end = std::min(begin + kRowChunk, rows.end);
    ForRange(columns.begin, columns.end, [&](auto d, Index j) HWY_ATTR {
      auto s = hn::Zero(d), t = hn::Zero(d);
      for (Index r = begin; r < end; ++r) {
        const auto up = hn::LoadU(d, dy + r * stride + j);
        s = hn::Add(s, up);
        if (dot) {
          t = hn::MulAdd(up, n(d, r, j), t);
        }
      }
      if (sum) {
        StoreOrAdd(d, s, sum, j, true);
      }
      if (dot) {
        StoreOrAdd(d, t, dot, j, true);
      }
    });
  }
}

// Means of up to kColumnGrain columns over some rows, and sums of squared deviations from them.
struct RowsMoments {
  alignas(64) float mean[kColumnGrain] = {};
  alignas(64) float squares[kColumnGrain] = {};
};

// The moments of the columns over the rows, at least one. x: rows of `stride` floats. Memory goes by once: deviations
// are taken from the mean of the first chunk, which is read twice. With k of n rows in it, the square of what that mean
// is wrong by is below n / k variances, so that no more than log2(n / k) bits of the squares cancel.
HWY_INLINE RowsMoments MomentsOverRows(Range rows, Range columns, Index stride, const float* x) {
  RowsMoments m;
  const Index chunk = std::min(rows.begin + kRowChunk, rows.end);
  alignas(64) float rough[kColumnGrain];
  ForRange(columns.begin, columns.end, [&](auto d, Index j) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (Index r = rows.begin; r < chunk; ++r) {
      sum = hn::Add(sum, hn::LoadU(d, x + r * stride + j));
    }
    hn::StoreU(hn::Mul(sum, hn::Set(d, 1.0f / static_cast<float>(chunk - rows.begin))), d, rough + j - columns.begin);
  });
  for (Index begin = rows.begin; begin < rows.end; begin += kRowChunk) {
    const Index end = std::min(begin + kRowChunk, rows.end);
    ForRange(columns.begin, columns.end, [&](auto d, Index j) HWY_ATTR {
      const auto center = hn::LoadU(d, rough + j - columns.begin);
      auto deviations = hn::Zero(d), squares = deviations;
      for (Index r = begin; r < end; ++r) {
        const auto deviation = hn::Sub(hn::LoadU(d, x + r * stride + j), center);
        deviations = hn::Add(deviations, deviation);
        squares = hn::MulAdd(deviation, deviation, squares);
      }
      StoreOrAdd(d, deviations, m.mean, j - columns.begin, true);
      StoreOrAdd(d, squares, m.squares, j - columns.begin, true);
    });
  }
  for (Index j = 0; j < columns.size(); ++j) {
    const float deviations = m.mean[j], shift = deviations / static_cast<float>(rows.size());
    const float squares = m.squares[j] - deviations * shift;
    m.mean[j] = rough[j] + shift;
    m.squares[j] = squares < 0.0f ? 0.0f : squares;  // NaN stays NaN
  }
  return m;
}

// Puts the moments of parts together, in double (Chan et al. 1979).
struct CombinedMoments {
  double count = 0, mean = 0, squares = 0;

  void Add(Index n, float part_mean, float part_squares) {
    const double shift = static_cast<double>(part_mean) - mean,
                 share = static_cast<double>(n) / (count + static_cast<double>(n));
    mean += shift * share;
    squares += static_cast<double>(part_squares) + shift * shift * count * share;
    count += static_cast<double>(n);
  }
  double Variance() const { return squares / count; }
};

// AddGradientSums() over many rows, by pieces that are added up in their order.
template <typename Factor>
void AddGradientSumsInPieces(Index rows, Index f, const float* dy, float* sum, float* dot, Factor&& n) {
  float* const partial = ThreadWorkspace().columns.reserve(2 * kRowPieces * f);
  ForRowPieces(rows, f, [&](Index piece, Range some, Range columns) HWY_ATTR {
    float *s = partial + 2 * piece * f, *t = s + f;
    std::fill(s + columns.begin, s + columns.end, 0.0f);
    std::fill(t + columns.begin, t + columns.end, 0.0f);
    AddGradientSums(some, columns, f, dy, sum ? s : nullptr, dot ? t : nullptr, n);
  });
  for (Index piece = 0; piece < kRowPieces; ++piece) {
    const float *s = partial + 2 * piece * f, *t = s + f;
    ForRange(0, f, [&](auto d, Index j) HWY_ATTR {
      if (sum) {
        StoreOrAdd(d, hn::LoadU(d, s + j), sum, j, true);
      }
      if (dot) {
        StoreOrAdd(d, hn::LoadU(d, t + j), dot, j, true);
      }
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_ROW_SUMS_INL_H_
