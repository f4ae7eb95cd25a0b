// moments-inl.h - the statistics of one row that layer norm and its relatives are made of. Included inside
// foreach_target, once per instruction set; never from another header.
#if defined(NORMLAB_NN_KERNELS_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_MOMENTS_INL_H_
#undef NORMLAB_NN_KERNELS_MOMENTS_INL_H_
#else
#define NORMLAB_NN_KERNELS_MOMENTS_INL_H_
#endif

#include <limits>

#include "nn/kernels/norm.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

struct Moments {
  float mean, variance;
};

// The second pass also sums the deviations themselves, which corrects the rounding of the first pass's mean.
HWY_INLINE Moments RowMoments(Index f, const float* x) {
  const float n = static_cast<float>(f);
  const float rough = Sum(f, [&](auto d, Index i) HWY_ATTR { return hn::LoadU(d, x + i); }) / n;
  const TwoSums s = SumTwo(f, [&](auto d, Index i, auto& sum, auto& squares) HWY_ATTR {
    const auto deviation = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, rough));
    sum = hn::Add(sum, deviation);
    squares = hn::MulAdd(deviation, deviation, squares);
  });
  const float shift = s.first / n;
  const float variance = s.second / n - shift * shift;
  return {rough + shift, variance < 0.0f ? 0.0f : variance};
}

HWY_INLINE float RowMeanSquare(Index f, const float* x) {
  const float squares = SumTwo(f, [&](auto d, Index i, auto& sum, auto&) HWY_ATTR {
                          const auto v = hn::LoadU(d, x + i);
                          sum = hn::MulAdd(v, v, sum);
                        }).first;
  return squares / static_cast<float>(f);
}

// The factor c of norm.h. A deviation below the rounding of s cannot be told from none.
HWY_INLINE float DeviationSlope(float inv_s, float eps, EpsPlace place) {
  if (place == EpsPlace::kInsideSqrt) {
    return 1.0f;
  }
  const float s = 1.0f / inv_s, deviation = s - eps;
  return deviation > 4.0f * std::numeric_limits<float>::epsilon() * s ? s / deviation : 0.0f;
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_MOMENTS_INL_H_
