#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/modulate.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include "base/parallel.h"
#include "nn/kernels/modulate.h"
#include "nn/kernels/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// The values of one example in an array of them, or null.
template <typename Float>
Float* Of(Index example, Index f, Float* all) {
  return all ? all + example * f : nullptr;
}

void ModulateForward(const ModulateShape& s, const float* x, const float* all_gains, const float* all_biases,
                     float* HWY_RESTRICT y) {
  parallel_ranges(s.examples * s.positions, RowGrain(s.f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const Index example = r / s.positions;
      const float *gain = Of(example, s.f, all_gains), *bias = Of(example, s.f, all_biases);
      ForRange(0, s.f, [&](auto d, Index j) HWY_ATTR {
        const auto v = hn::LoadU(d, x + r * s.f + j);
        hn::StoreU(hn::MulAdd(LoadOr(d, gain, j, 1.0f), v, LoadOr(d, bias, j, 0.0f)), d, y + r * s.f + j);
      });
    }
  });
}

void ModulateBackward(const ModulateShape& s, const float* dy, const float* x, const float* all_gains,
                      float* HWY_RESTRICT dx, bool accumulate, float* dgain, float* dbias) {
  parallel_ranges(s.examples, RowGrain(s.positions * s.f), [&](Index begin, Index end) HWY_ATTR {
    for (Index example = begin; example < end; ++example) {
      const Range rows{example * s.positions, (example + 1) * s.positions};
      const float* gain = Of(example, s.f, all_gains);
      if (dgain || dbias) {
        AddGradientSums(rows, {0, s.f}, s.f, dy, Of(example, s.f, dbias), Of(example, s.f, dgain),
                        [&](auto d, Index r, Index j) HWY_ATTR { return hn::LoadU(d, x + r * s.f + j); });
      }
      for (Index r = rows.begin; dx && r < rows.end; ++r) {
        ForRange(0, s.f, [&](auto d, Index j) HWY_ATTR {
          const auto up = hn::LoadU(d, dy + r * s.f + j);
          StoreOrAdd(d, hn::Mul(LoadOr(d, gain, j, 1.0f), up), dx, r * s.f + j, accumulate);
        });
      }
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(ModulateForward);
HWY_EXPORT(ModulateBackward);

void modulate_forward(const ModulateShape& shape, const float* x, const float* gain, const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(ModulateForward)(shape, x, gain, bias, y);
}

void modulate_backward(const ModulateShape& shape, const float* dy, const float* x, const float* gain, float* dx,
                       bool accumulate, float* dgain, float* dbias) {
  HWY_DYNAMIC_DISPATCH(ModulateBackward)(shape, dy, x, gain, dx, accumulate, dgain, dbias);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
