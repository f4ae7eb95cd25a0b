#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/norm_rows.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <cmath>

#include "base/parallel.h"
#include "nn/kernels/moments-inl.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// y = gain (x - mean) inv + bias
void Scale(Index f, const float* x, float mean, float inv, const float* gain, const float* bias,
           float* HWY_RESTRICT y) {
  ForRange(0, f, [&](auto d, Index i) HWY_ATTR {
    const auto n = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, inv));
    hn::StoreU(hn::MulAdd(LoadOr(d, gain, i, 1.0f), n, LoadOr(d, bias, i, 0.0f)), d, y + i);
  });
}

void LayerNormForward(Index rows, Index f, const float* x, const float* gain, const float* bias, float eps,
                      EpsPlace place, float* y, float* mean, float* inv_s) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const Moments moments = RowMoments(f, x + r * f);
      mean[r] = moments.mean;
      inv_s[r] = inverse_deviation(moments.variance, eps, place);
      Scale(f, x + r * f, mean[r], inv_s[r], gain, bias, y + r * f);
    }
  });
}

void RmsNormForward(Index rows, Index f, const float* x, const float* gain, const float* bias, float eps, float* y,
                    float* inv_r) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const float* row = x + r * f;
      inv_r[r] = inverse_deviation(RowMeanSquare(f, row), eps, EpsPlace::kInsideSqrt);
      Scale(f, row, 0.0f, inv_r[r], gain, bias, y + r * f);
    }
  });
}

// dx = inv (dn - average(dn) [with `center`] - c n average(dn n)) for one row.
struct RowGradient {
  float mean, inv, c;
  bool center, accumulate;
};
void RowBackward(Index f, const float* dy, const float* x, const float* gain, const RowGradient& g,
                 float* HWY_RESTRICT dx) {
  const auto normalized = [&](auto d, Index i) HWY_ATTR {
    return hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, g.mean)), hn::Set(d, g.inv));
  };
  const auto upstream = [&](auto d, Index i)
                            HWY_ATTR { return hn::Mul(LoadOr(d, gain, i, 1.0f), hn::LoadU(d, dy + i)); };
  const TwoSums s = SumTwo(f, [&](auto d, Index i, auto& sum, auto& dot) HWY_ATTR {
    const auto dn = upstream(d, i);
    sum = hn::Add(sum, dn);
    dot = hn::MulAdd(dn, normalized(d, i), dot);
  });
  const float average = g.center ? s.first / static_cast<float>(f) : 0.0f;
  const float slope = g.c * s.second / static_cast<float>(f);
  ForRange(0, f, [&](auto d, Index i) HWY_ATTR {
    const auto centered = hn::Sub(upstream(d, i), hn::Set(d, average));
    const auto dz = hn::NegMulAdd(normalized(d, i), hn::Set(d, slope), centered);
    StoreOrAdd(d, hn::Mul(dz, hn::Set(d, g.inv)), dx, i, g.accumulate);
  });
}

// dgain += sum over rows of dy n, dbias += sum over rows of dy; mean null: 0.
void GainBiasBackward(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv,
                      float* dgain, float* dbias) {
  if (!dgain && !dbias) {
    return;
  }
  const auto normalized = [&](auto d, Index r, Index j) HWY_ATTR {
    return hn::Mul(hn::Sub(hn::LoadU(d, x + r * f + j), hn::Set(d, mean ? mean[r] : 0.0f)), hn::Set(d, inv[r]));
  };
  if (rows > kManyRows) {
    AddGradientSumsInPieces(rows, f, dy, dbias, dgain, normalized);
    return;
  }
  parallel_ranges(f, kColumnGrain, [&](Index begin, Index end) HWY_ATTR {
    for (Index r = 0; r < rows; ++r) {
      ForRange(begin, end, [&](auto d, Index j) HWY_ATTR {
        const auto up = hn::LoadU(d, dy + r * f + j);
        if (dgain) {
          hn::StoreU(hn::MulAdd(up, normalized(d, r, j), hn::LoadU(d, dgain + j)), d, dgain + j);
        }
        if (dbias) {
          hn::StoreU(hn::Add(up, hn::LoadU(d, dbias + j)), d, dbias + j);
        }
      });
    }
  });
}

void LayerNormBackward(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
                       const float* gain, float eps, EpsPlace place, float* dx, bool accumulate, float* dgain,
                       float* dbias) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const RowGradient g{mean[r], inv_s[r], DeviationSlope(inv_s[r], eps, place), true, accumulate};
      RowBackward(f, dy + r * f, x + r * f, gain, g, dx + r * f);
    }
  });
  GainBiasBackward(rows, f, dy, x, mean, inv_s, dgain, dbias);
}

void RmsNormBackward(Index rows, Index f, const float* dy, const float* x, const float* inv_r, const float* gain,
                     float* dx, bool accumulate, float* dgain, float* dbias) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const RowGradient g{0.0f, inv_r[r], 1.0f, false, accumulate};
      RowBackward(f, dy + r * f, x + r * f, gain, g, dx + r * f);
    }
  });
  GainBiasBackward(rows, f, dy, x, nullptr, inv_r, dgain, dbias);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(LayerNormForward);
HWY_EXPORT(LayerNormBackward);
HWY_EXPORT(RmsNormForward);
HWY_EXPORT(RmsNormBackward);

float inverse_deviation(float variance, float eps, EpsPlace place) {
  return 1.0f / (place == EpsPlace::kInsideSqrt ? std::sqrt(variance + eps) : std::sqrt(variance) + eps);
}

void layer_norm_forward(Index rows, Index f, const float* x, const float* gain, const float* bias, float eps,
                        EpsPlace place, float* y, float* mean, float* inv_s) {
  HWY_DYNAMIC_DISPATCH(LayerNormForward)(rows, f, x, gain, bias, eps, place, y, mean, inv_s);
}

void layer_norm_backward(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
                         const float* gain, float eps, EpsPlace place, float* dx, bool accumulate, float* dgain,
                         float* dbias) {
  HWY_DYNAMIC_DISPATCH(LayerNormBackward)
  (rows, f, dy, x, mean, inv_s, gain, eps, place, dx, accumulate, dgain, dbias);
}

void rms_norm_forward(Index rows, Index f, const float* x, const float* gain, const float* bias, float eps, float* y,
                      float* inv_r) {
  HWY_DYNAMIC_DISPATCH(RmsNormForward)(rows, f, x, gain, bias, eps, y, inv_r);
}

void rms_norm_backward(Index rows, Index f, const float* dy, const float* x, const float* inv_r, const float* gain,
                       float* dx, bool accumulate, float* dgain, float* dbias) {
  HWY_DYNAMIC_DISPATCH(RmsNormBackward)(rows, f, dy, x, inv_r, gain, dx, accumulate, dgain, dbias);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
