#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/normal.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/contrib/math/math-inl.h>

#include <numbers>

#include "nn/kernels/normal.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// The upper 24 bits of each word as a number in [0, 1).
template <typename D>
HWY_INLINE hn::Vec<D> Uniform(D d, const std::uint32_t* bits) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto upper = hn::BitCast(di, hn::ShiftRight<8>(hn::LoadU(du, bits)));
  return hn::Mul(hn::ConvertTo(d, upper), hn::Set(d, 0x1p-24f));
}

void NormalsFromBits(Index n, const std::uint32_t* bits, float* normals) {
  const Index half = n / 2;
  ForRange(0, half, [=](auto d, Index i) HWY_ATTR {
    const auto u = hn::Sub(hn::Set(d, 1.0f), Uniform(d, bits + i));
    const auto radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0f), hn::Log(d, u)));
    const auto angle = hn::Mul(hn::Set(d, 2.0f * std::numbers::pi_v<float>), Uniform(d, bits + half + i));
    hn::StoreU(hn::Mul(radius, hn::Cos(d, angle)), d, normals + i);
    hn::StoreU(hn::Mul(radius, hn::Sin(d, angle)), d, normals + half + i);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(NormalsFromBits);

void normals_from_bits(Index n, const std::uint32_t* bits, float* normals) {
  HWY_DYNAMIC_DISPATCH(NormalsFromBits)(n, bits, normals);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
