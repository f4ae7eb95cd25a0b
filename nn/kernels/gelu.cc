#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/gelu.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <array>
#include <numbers>

#include "base/parallel.h"
#include "nn/kernels/activation-inl.h"
#include "nn/kernels/gelu.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// What multiplies x, and its derivative.
template <typename V>
struct Gate {
  V value, slope;
};

// erfc(z) = e^(-z^2) t P(t) with t = 1 / (1 + z / 2) for z >= 0: P is a Chebyshev fit over z in [0, 14], good to 6e-8
// of the value; beyond, e^(-z^2) is 0 in float.
constexpr std::array<float, 9> kErfc = {0.28208537f,  0.282387743f,  0.243063112f, 0.202633472f, -0.025972782f,
                                        0.276349288f, -0.485035642f, 0.283219767f, -0.058730363f};

template <typename D, typename V = hn::Vec<D>>
HWY_INLINE Gate<V> NormalGate(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const V bell = ExpOf(d, hn::Mul(hn::Set(d, -0.5f), hn::Mul(x, x)));
  const V t = hn::Div(one, hn::MulAdd(hn::Set(d, 0.5f * std::numbers::sqrt2_v<float> / 2.0f), hn::Abs(x), one));
  V polynomial = hn::Set(d, kErfc.back());
  for (std::size_t k = kErfc.size() - 1; k-- > 0;) {
    polynomial = hn::MulAdd(polynomial, t, hn::Set(d, kErfc[k]));
  }
  const V tail = hn::Mul(hn::Mul(hn::Set(d, 0.5f), bell), hn::Mul(t, polynomial));
  const V value = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail));
  return {value, hn::Mul(hn::Set(d, static_cast<float>(kGeluScale / 2.0)), bell)};
}

template <typename D, typename V = hn::Vec<D>>
HWY_INLINE Gate<V> SigmoidGate(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  // Beyond, the gate is 0 or 1 and the cube would overflow.
  const V bounded = hn::Min(hn::Max(x, hn::Set(d, -30.0f)), hn::Set(d, 30.0f));
  const V square = hn::Mul(hn::Set(d, static_cast<float>(kGeluCube)), hn::Mul(bounded, bounded));
  const V twice_scale = hn::Set(d, static_cast<float>(2.0 * kGeluScale));
  const V value = SigmoidOf(d, hn::Mul(hn::Mul(twice_scale, bounded), hn::Add(one, square)));
  const V inner = hn::Mul(twice_scale, hn::MulAdd(hn::Set(d, 3.0f), square, one));
  return {value, hn::Mul(hn::Mul(value, hn::Sub(one, value)), inner)};
}

// Calls body(d, i, gate) over n floats. Both ends of the choice are loops of their own.
template <typename Body>
void ForGates(GeluForm form, Index n, const float* x, Body&& body) {
  parallel_ranges(n, kGrain / 4, [&](Index begin, Index end) HWY_ATTR {
    if (form == GeluForm::kErf) {
      ForRange(begin, end, [&](auto d, Index i) HWY_ATTR { body(d, i, NormalGate(d, hn::LoadU(d, x + i))); });
    } else {
      ForRange(begin, end, [&](auto d, Index i) HWY_ATTR { body(d, i, SigmoidGate(d, hn::LoadU(d, x + i))); });
    }
  });
}

void Gelu(GeluForm form, Index n, const float* x, float* y) {
  ForGates(form, n, x, [&](auto d, Index i, auto gate) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), gate.value), d, y + i);
  });
}

void GeluBackward(GeluForm form, Index n, const float* dy, const float* x, float* dx, bool accumulate) {
  ForGates(form, n, x, [&](auto d, Index i, auto gate) HWY_ATTR {
    const auto slope = hn::MulAdd(hn::LoadU(d, x + i), gate.slope, gate.value);
    StoreOrAdd(d, hn::Mul(hn::LoadU(d, dy + i), slope), dx, i, accumulate);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(Gelu);
HWY_EXPORT(GeluBackward);

void gelu(GeluForm form, Index n, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(Gelu)(form, n, x, y); }
void gelu_backward(GeluForm form, Index n, const float* dy, const float* x, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(GeluBackward)(form, n, dy, x, dx, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
