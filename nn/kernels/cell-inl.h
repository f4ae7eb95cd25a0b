// cell-inl.h - the norms of a row on the way through a fused step of a recurrent cell, there and back. Included inside
// foreach_target, once per instruction set; never from another header.
#if defined(NORMLAB_NN_KERNELS_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_CELL_INL_H_
#undef NORMLAB_NN_KERNELS_CELL_INL_H_
#else
#define NORMLAB_NN_KERNELS_CELL_INL_H_
#endif

#include <algorithm>

#include "nn/kernels/activation-inl.h"
#include "nn/kernels/cell.h"
#include "nn/kernels/moments-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

// Rows a piece has: some microseconds of sigmoids and tanhs, and never more than kCellPieces pieces.
HWY_INLINE Index RowsPerPiece(Index sums_per_row, Index rows) {
  constexpr Index kSums = 1 << 12;
  return std::max({Index{1}, kSums / sums_per_row, (rows + kCellPieces - 1) / kCellPieces});
}

HWY_INLINE CellSink RowOf(CellSink sink, Index r, Index width) {
  return {sink.data ? sink.data + r * width : nullptr, sink.accumulate};
}
HWY_INLINE CellSink PartOf(CellSink sink, Index first) {
  return {sink.data ? sink.data + first : nullptr, sink.accumulate};
}

template <typename D>
HWY_INLINE void AddTo(D d, hn::Vec<D> x, float* y, Index i) {
  hn::StoreU(hn::Add(hn::LoadU(d, y + i), x), d, y + i);
}

// Gives dy to the sink, or zeros if dy is null.
HWY_INLINE void Pass(Index n, const float* dy, CellSink sink) {
  if (sink.data && !(sink.accumulate && !dy)) {
    ForRange(0, n, [&](auto d, Index j) HWY_ATTR {
      StoreOrAdd(d, dy ? hn::LoadU(d, dy + j) : hn::Zero(d), sink.data, j, sink.accumulate);
    });
  }
}

// s (1 - s) of a sigmoid's output.
template <typename D>
HWY_INLINE hn::Vec<D> SigmoidSlope(D, hn::Vec<D> s) {
  return hn::NegMulAdd(s, s, s);
}
// 1 - t^2 of a tanh's output.
template <typename D>
HWY_INLINE hn::Vec<D> TanhSlope(D d, hn::Vec<D> t) {
  return hn::NegMulAdd(t, t, hn::Set(d, 1.0f));
}

// n = (x - mean) inv, of one group of a row.
struct RowScale {
  float mean, inv;

  template <typename D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return hn::Mul(hn::Sub(x, hn::Set(d, mean)), hn::Set(d, inv));
  }
};

HWY_INLINE RowScale Measure(const RowNorm& norm, Index n, const float* x) {
  if (norm.center) {
    const Moments moments = RowMoments(n, x);
    return {moments.mean, inverse_deviation(moments.variance, norm.eps, norm.place)};
  }
  return {0.0f, inverse_deviation(RowMeanSquare(n, x), norm.eps, norm.place)};
}

// A row's statistics, group by group.
HWY_INLINE RowScale Load(const float* stats, Index group) { return {stats[2 * group], stats[2 * group + 1]}; }
HWY_INLINE void Store(RowScale scale, float* stats, Index group) {
  stats[2 * group] = scale.mean;
  stats[2 * group + 1] = scale.inv;
}

// What a norm takes from its upstream dn: dx = inv (dn - average - n slope).
struct Projection {
  float average, slope, inv;

  Projection(const RowNorm& norm, Index n, TwoSums sums, RowScale scale)
      : average(norm.center ? sums.first / static_cast<float>(n) : 0.0f),
        slope(DeviationSlope(scale.inv, norm.eps, norm.place) * sums.second / static_cast<float>(n)),
        inv(scale.inv) {}

  template <typename D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> dn, hn::Vec<D> n) const {
    const auto centered = hn::Sub(dn, hn::Set(d, average));
    return hn::Mul(hn::NegMulAdd(n, hn::Set(d, slope), centered), hn::Set(d, inv));
  }
};

// Gives dz to the sink, by way of a norm of x(d, j) over [begin, begin + width): dz the gradient of its output, which may
// be where the sink is.
template <typename Value>
HWY_INLINE void NormBackward(const RowNorm& norm, Index begin, Index width, const float* dz, const float* gain,
                             RowScale scale, Value&& x, float* dgain, CellSink sink) {
  const TwoSums sums = SumTwo(width, [&](auto d, Index k, auto& total, auto& dot) HWY_ATTR {
    const Index j = begin + k;
    const auto n = scale(d, x(d, j)), up = hn::LoadU(d, dz + j);
    AddTo(d, hn::Mul(up, n), dgain, j);
    const auto dn = hn::Mul(up, hn::LoadU(d, gain + j));
    total = hn::Add(total, dn);
    dot = hn::MulAdd(dn, n, dot);
  });
  const Projection project(norm, width, sums, scale);
  ForRange(begin, begin + width, [&](auto d, Index j) HWY_ATTR {
    const auto dn = hn::Mul(hn::LoadU(d, dz + j), hn::LoadU(d, gain + j));
    const auto dx = project(d, dn, scale(d, x(d, j)));
    if (sink.data) {
      StoreOrAdd(d, dx, sink.data, j, sink.accumulate);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_CELL_INL_H_
