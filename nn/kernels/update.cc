#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/update.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include "base/parallel.h"
#include "nn/kernels/simd-inl.h"
#include "nn/kernels/update.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

void AdamUpdate(Index n, const AdamScalars& s, const float* HWY_RESTRICT g, float* HWY_RESTRICT w,
                float* HWY_RESTRICT m, float* HWY_RESTRICT v) {
  parallel_ranges(n, kGrain, [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end, [&](auto d, Index i) HWY_ATTR {
      const auto grad = hn::Mul(hn::Set(d, s.g_scale), hn::LoadU(d, g + i));
      const auto m1 =
          hn::MulAdd(hn::Set(d, s.beta1), hn::LoadU(d, m + i), hn::Mul(hn::Set(d, s.one_minus_beta1), grad));
      const auto g2 = hn::Mul(hn::Set(d, s.one_minus_beta2), hn::Mul(grad, grad));
      const auto v1 = hn::MulAdd(hn::Set(d, s.beta2), hn::LoadU(d, v + i), g2);
      const auto denominator = hn::MulAdd(hn::Set(d, s.v_scale), hn::Sqrt(v1), hn::Set(d, s.eps));
      const auto change = hn::Div(hn::Mul(hn::Set(d, s.step_size), m1), denominator);
      hn::StoreU(m1, d, m + i);
      hn::StoreU(v1, d, v + i);
      hn::StoreU(hn::Sub(hn::LoadU(d, w + i), change), d, w + i);
    });
  });
}

void SgdMomentumUpdate(Index n, float lr, float momentum, float g_scale, const float* HWY_RESTRICT g,
                       float* HWY_RESTRICT w, float* HWY_RESTRICT velocity) {
  parallel_ranges(n, kGrain, [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end, [&](auto d, Index i) HWY_ATTR {
      const auto grad = hn::Mul(hn::Set(d, g_scale), hn::LoadU(d, g + i));
      const auto v1 = hn::MulAdd(hn::Set(d, momentum), hn::LoadU(d, velocity + i), grad);
      hn::StoreU(v1, d, velocity + i);
      hn::StoreU(hn::NegMulAdd(hn::Set(d, lr), v1, hn::LoadU(d, w + i)), d, w + i);
    });
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

namespace normlab::nn::kernels {

HWY_EXPORT(AdamUpdate);
HWY_EXPORT(SgdMomentumUpdate);

AdamScalars adam_scalars(double lr, double beta1, double beta2, double eps, long step, bool bias_correction,
                         double g_scale) {
  const auto t = static_cast<double>(step);
  const double c1 = bias_correction ? 1.0 - std::pow(beta1, t) : 1.0;
  const double c2 = bias_correction ? 1.0 - std::pow(beta2, t) : 1.0;
  const auto f = [](double x) { return static_cast<float>(x); };
  return {.beta1 = f(beta1),
          .beta2 = f(beta2),
          .one_minus_beta1 = f(1.0 - beta1),
          .one_minus_beta2 = f(1.0 - beta2),
          .step_size = f(lr / c1),
          .v_scale = f(1.0 / std::sqrt(c2)),
          .eps = f(eps),
          .g_scale = f(g_scale)};
}

void adam_update(Index n, const AdamScalars& s, const float* g, float* w, float* m, float* v) {
  HWY_DYNAMIC_DISPATCH(AdamUpdate)(n, s, g, w, m, v);
}

void sgd_momentum_update(Index n, float lr, float momentum, float g_scale, const float* g, float* w, float* velocity) {
  HWY_DYNAMIC_DISPATCH(SgdMomentumUpdate)(n, lr, momentum, g_scale, g, w, velocity);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
