#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/norm_weights.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <cmath>

#include "base/parallel.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

float Dot(Index n, const float* a, const float* b) {
  return SumTwo(n, [&](auto d, Index i, auto& sum, auto&)
                       HWY_ATTR { sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum); })
      .first;
}

void WeightNormForward(Index units, Index f, const float* v, const float* gain, float* w, float* inv_length) {
  parallel_ranges(units, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const float* row = v + r * f;
      inv_length[r] = 1.0f / std::sqrt(Dot(f, row, row));
      const float scale = gain[r] * inv_length[r];
      ForRange(0, f, [&](auto d, Index i) HWY_ATTR {
        hn::StoreU(hn::Mul(hn::Set(d, scale), hn::LoadU(d, row + i)), d, w + r * f + i);
      });
    }
  });
}

void WeightNormBackward(Index units, Index f, const float* dw, const float* v, const float* inv_length,
                        const float* gain, float* dv, bool accumulate, float* along) {
  parallel_ranges(units, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const float *up = dw + r * f, *row = v + r * f;
      along[r] = Dot(f, up, row) * inv_length[r];
      const float scale = gain[r] * inv_length[r], projection = along[r] * inv_length[r];
      ForRange(0, dv ? f : 0, [&](auto d, Index i) HWY_ATTR {
        const auto orthogonal = hn::NegMulAdd(hn::Set(d, projection), hn::LoadU(d, row + i), hn::LoadU(d, up + i));
        StoreOrAdd(d, hn::Mul(hn::Set(d, scale), orthogonal), dv + r * f, i, accumulate);
      });
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(WeightNormForward);
HWY_EXPORT(WeightNormBackward);

void weight_norm_forward(Index units, Index f, const float* v, const float* gain, float* w, float* inv_length) {
  HWY_DYNAMIC_DISPATCH(WeightNormForward)(units, f, v, gain, w, inv_length);
}

void weight_norm_backward(Index units, Index f, const float* dw, const float* v, const float* inv_length,
                          const float* gain, float* dv, bool accumulate, float* along) {
  HWY_DYNAMIC_DISPATCH(WeightNormBackward)(units, f, dw, v, inv_length, gain, dv, accumulate, along);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
