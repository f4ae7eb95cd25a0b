// activation-inl.h - the non-linearities of a vector of floats, as pointwise.h promises them. Included inside
// foreach_target, once per instruction set; never from another header.
#if defined(NORMLAB_NN_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_ACTIVATION_INL_H_
#undef NORMLAB_NN_KERNELS_ACTIVATION_INL_H_
#else
#define NORMLAB_NN_KERNELS_ACTIVATION_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>

#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

// Highway's functions cut their argument to the valid range, which turns NaN into a number: put it back.
template <typename V>
HWY_INLINE V KeepNaN(V x, V y) {
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

// Above this e^x is infinite in float; Highway's Exp is valid up to 104.
constexpr float kExpMax = 100.0f;

template <typename D, typename V>
HWY_INLINE V ExpOf(D d, V x) {
  return KeepNaN(x, hn::Exp(d, hn::Min(x, hn::Set(d, kExpMax))));
}

// The exponential of a non-positive number cannot overflow, so both branches below are safe:
// 1 / (1 + e^-|x|) for x >= 0, and e^-|x| / (1 + e^-|x|) below.
template <typename D, typename V>
HWY_INLINE V SigmoidOf(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const auto e = hn::Exp(d, hn::Neg(hn::Abs(x)));
  const auto numerator = hn::IfThenElse(hn::Ge(x, hn::Zero(d)), one, e);
  return KeepNaN(x, hn::Div(numerator, hn::Add(one, e)));
}

template <typename D, typename V>
HWY_INLINE V TanhOf(D d, V x) {
  return KeepNaN(x, hn::Tanh(d, x));
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_ACTIVATION_INL_H_
