#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/norm_columns.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include "base/parallel.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Two sums per column of a block, kept on the stack while the rows go by.
struct ColumnSums {
  alignas(64) float first[kMostColumns] = {};
  alignas(64) float second[kMostColumns] = {};
};

// Columns [begin, end) of a piece: mean from one pass over the rows, corrected and squared in a second as for rows.
void MomentsOfColumns(Index rows, Index f, const float* x, Index begin, Index end, float* mean, float* variance) {
  const float n = static_cast<float>(rows);
  ColumnSums sums;
  float rough[kMostColumns];
  std::fill_n(rough, end - begin, 0.0f);
  for (Index r = 0; r < rows; ++r) {
    ForRange(0, end - begin, [&](auto d, Index j) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, rough + j), hn::LoadU(d, x + r * f + begin + j)), d, rough + j);
    });
  }
  std::for_each_n(rough, end - begin, [n](float& sum) { sum /= n; });
  for (Index r = 0; r < rows; ++r) {
    ForRange(0, end - begin, [&](auto d, Index j) HWY_ATTR {
      const auto deviation = hn::Sub(hn::LoadU(d, x + r * f + begin + j), hn::LoadU(d, rough + j));
      hn::StoreU(hn::Add(hn::LoadU(d, sums.first + j), deviation), d, sums.first + j);
      hn::StoreU(hn::MulAdd(deviation, deviation, hn::LoadU(d, sums.second + j)), d, sums.second + j);
    });
  }
  for (Index j = 0; j < end - begin; ++j) {
    const float shift = sums.first[j] / n, biased = sums.second[j] / n - shift * shift;
    mean[begin + j] = rough[j] + shift;
    variance[begin + j] = biased < 0.0f ? 0.0f : biased;
  }
}

// The same over many rows, by pieces that are combined in their order.
void MomentsInPieces(Index rows, Index f, const float* x, float* mean, float* variance) {
  float* const partial = ThreadWorkspace().columns.reserve(2 * kRowPieces * f);
  ForRowPieces(rows, f, [&](Index piece, Range some, Range columns) HWY_ATTR {
    const RowsMoments m = MomentsOverRows(some, columns, f, x);
    float* means = partial + 2 * piece * f + columns.begin;
    std::copy_n(m.mean, columns.size(), means);
    std::copy_n(m.squares, columns.size(), means + f);
  });
  for (Index j = 0; j < f; ++j) {
    CombinedMoments all;
    for (Index piece = 0; piece < kRowPieces; ++piece) {
      const float* means = partial + 2 * piece * f;
      all.Add(RowsOfPiece(rows, piece).size(), means[j], means[f + j]);
    }
    mean[j] = static_cast<float>(all.mean);
    variance[j] = static_cast<float>(all.Variance());
  }
}

void ColumnMoments(Index rows, Index f, const float* x, float* mean, float* variance) {
  if (rows > kManyRows) {
    MomentsInPieces(rows, f, x, mean, variance);
    return;
  }
  parallel_ranges(f, ColumnGrain(rows),
                  [&](Index begin, Index end) HWY_ATTR { MomentsOfColumns(rows, f, x, begin, end, mean, variance); });
}

void BatchNormApply(Index rows, Index f, const float* x, const float* mean, const float* inv_s, const float* gain,
                    const float* bias, float* HWY_RESTRICT y) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      ForRange(0, f, [&](auto d, Index j) HWY_ATTR {
        const auto n = hn::Mul(hn::Sub(hn::LoadU(d, x + r * f + j), hn::LoadU(d, mean + j)), hn::LoadU(d, inv_s + j));
        hn::StoreU(hn::MulAdd(LoadOr(d, gain, j, 1.0f), n, LoadOr(d, bias, j, 0.0f)), d, y + r * f + j);
      });
    }
  });
}

// The operands of one backward pass, for the functions over a block of columns.
struct Backward {
  Index rows, f;
  const float *dy, *x, *mean, *inv_s, *gain;
  float c;
  bool batch_statistics, accumulate;
  float* dx;

  template <typename D>
  HWY_INLINE hn::Vec<D> Normalized(D d, Index r, Index j) const {
    return hn::Mul(hn::Sub(hn::LoadU(d, x + r * f + j), hn::LoadU(d, mean + j)), hn::LoadU(d, inv_s + j));
  }
};

// first: sum of dy; second: sum of dy n.
void SumGradient(const Backward& b, Index begin, Index end, ColumnSums& sums) {
  for (Index r = 0; r < b.rows; ++r) {
    ForRange(0, end - begin, [&](auto d, Index j) HWY_ATTR {
      const auto up = hn::LoadU(d, b.dy + r * b.f + begin + j);
      const auto n = b.Normalized(d, r, begin + j);
      hn::StoreU(hn::Add(hn::LoadU(d, sums.first + j), up), d, sums.first + j);
      hn::StoreU(hn::MulAdd(up, n, hn::LoadU(d, sums.second + j)), d, sums.second + j);
    });
  }
}

// gain is constant over a column, so dx = gain inv_s (dy - average(dy) - c n average(dy n)). sum, dot: of the columns
// from `begin` on.
void GradientOf(const Backward& b, Range rows, Index begin, Index end, const float* sum, const float* dot) {
  const float per_row = b.batch_statistics ? 1.0f / static_cast<float>(b.rows) : 0.0f;
  for (Index r = rows.begin; r < rows.end; ++r) {
    ForRange(0, end - begin, [&](auto d, Index j) HWY_ATTR {
      const auto scale = hn::Set(d, per_row), slope = hn::Set(d, per_row * b.c);
      const auto up = hn::LoadU(d, b.dy + r * b.f + begin + j);
      const auto centered = hn::NegMulAdd(hn::LoadU(d, sum + j), scale, up);
      const auto pull = hn::Mul(hn::LoadU(d, dot + j), slope);
      const auto dz = hn::NegMulAdd(b.Normalized(d, r, begin + j), pull, centered);
      const auto s = hn::Mul(LoadOr(d, b.gain, begin + j, 1.0f), hn::LoadU(d, b.inv_s + begin + j));
      StoreOrAdd(d, hn::Mul(dz, s), b.dx, r * b.f + begin + j, b.accumulate);
    });
  }
}

// Gives the sums of columns [begin, end) to the gradients of gain and bias.
void AddToAffine(Index begin, Index end, const float* sum, const float* dot, float* dgain, float* dbias) {
  for (Index j = 0; j < end - begin; ++j) {
    if (dbias) {
      dbias[begin + j] += sum[j];
    }
    if (dgain) {
      dgain[begin + j] += dot[j];
    }
  }
}

// Over many rows: the sums by pieces of rows, then dx by rows.
void BatchNormBackwardInPieces(const Backward& b, float* dgain, float* dbias) {
  float* const sum = ThreadWorkspace().rows.reserve(2 * b.f);
  float* const dot = sum + b.f;
  std::fill_n(sum, 2 * b.f, 0.0f);
  AddGradientSumsInPieces(b.rows, b.f, b.dy, sum, dot,
                          [&](auto d, Index r, Index j) HWY_ATTR { return b.Normalized(d, r, j); });
  parallel_ranges(b.rows, RowGrain(b.f), [&](Index begin, Index end) HWY_ATTR {
    GradientOf(b, {begin, end}, 0, b.f, sum, dot);
  });
  AddToAffine(0, b.f, sum, dot, dgain, dbias);
}

void BatchNormBackward(const Backward& b, float* dgain, float* dbias) {
  if (b.rows > kManyRows) {
    BatchNormBackwardInPieces(b, dgain, dbias);
    return;
  }
  parallel_ranges(b.f, ColumnGrain(b.rows), [&](Index begin, Index end) HWY_ATTR {
    ColumnSums sums;
    SumGradient(b, begin, end, sums);
    GradientOf(b, {0, b.rows}, begin, end, sums.first, sums.second);
    AddToAffine(begin, end, sums.first, sums.second, dgain, dbias);
  });
}

void BatchNormBackwardAll(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
                          const float* gain, BatchNormGradient how, float* dx, bool accumulate, float* dgain,
                          float* dbias) {
  BatchNormBackward({rows, f, dy, x, mean, inv_s, gain, how.c, how.batch_statistics, accumulate, dx}, dgain, dbias);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(ColumnMoments);
HWY_EXPORT(BatchNormApply);
HWY_EXPORT(BatchNormBackwardAll);

void column_moments(Index rows, Index f, const float* x, float* mean, float* variance) {
  HWY_DYNAMIC_DISPATCH(ColumnMoments)(rows, f, x, mean, variance);
}

void batch_norm_apply(Index rows, Index f, const float* x, const float* mean, const float* inv_s, const float* gain,
                      const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(BatchNormApply)(rows, f, x, mean, inv_s, gain, bias, y);
}

void batch_norm_backward(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
                         const float* gain, BatchNormGradient how, float* dx, bool accumulate, float* dgain,
                         float* dbias) {
  HWY_DYNAMIC_DISPATCH(BatchNormBackwardAll)
  (rows, f, dy, x, mean, inv_s, gain, how, dx, accumulate, dgain, dbias);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
