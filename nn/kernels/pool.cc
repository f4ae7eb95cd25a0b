#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/pool.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/pool.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Calls f(window, output) for every output of image number `image`.
template <typename F>
void ForEachWindow(const PoolShape& s, Index image, F&& f) {
  Index output = image * s.out_height() * s.out_width();
  for (Index y = 0; y < s.out_height(); ++y) {
    for (Index x = 0; x < s.out_width(); ++x, ++output) {
      f(s.window(y, x), output);
    }
  }
}

template <typename F>
HWY_INLINE void ForEachPixel(const PoolShape& s, const PoolWindow& window, F&& f) {
  for (Index row = window.row0; row < window.row1; ++row) {
    for (Index column = window.column0; column < window.column1; ++column) {
      f(row * s.width + column);
    }
  }
}

void MaxPoolForward(const PoolShape& s, const float* x, float* y, std::int32_t* chosen) {
  parallel_for(s.batch, [&](Index b) HWY_ATTR {
    const float* image = x + b * s.height * s.width * s.channels;
    ForEachWindow(s, b, [&](const PoolWindow& window, Index output) HWY_ATTR {
      const Index first = window.row0 * s.width + window.column0;
      ForRange(0, s.channels, [&](auto d, Index c) HWY_ATTR {
        const hn::RebindToSigned<decltype(d)> di;
        auto best = hn::LoadU(d, image + first * s.channels + c);
        auto position = hn::Set(di, static_cast<std::int32_t>(first));
        ForEachPixel(s, window, [&](Index p) HWY_ATTR {
          const auto value = hn::LoadU(d, image + p * s.channels + c);
          const auto larger = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
          best = hn::IfThenElse(larger, value, best);
          position = hn::IfThenElse(hn::RebindMask(di, larger), hn::Set(di, static_cast<std::int32_t>(p)), position);
        });
        hn::StoreU(best, d, y + output * s.channels + c);
        hn::StoreU(position, di, chosen + output * s.channels + c);
      });
    });
  });
}

void ClearUnless(bool accumulate, Index n, float* values) {
  if (!accumulate) {
    std::fill_n(values, n, 0.0f);
  }
}

void MaxPoolBackward(const PoolShape& s, const float* dy, const std::int32_t* chosen, float* dx, bool accumulate) {
  const Index values = s.height * s.width * s.channels;
  parallel_for(s.batch, [&](Index b) HWY_ATTR {
    float* const image = dx + b * values;
    ClearUnless(accumulate, values, image);
    ForEachWindow(s, b, [&](const PoolWindow& window, Index output) HWY_ATTR {
      ForRange(0, s.channels, [&](auto d, Index c) HWY_ATTR {
        const hn::RebindToSigned<decltype(d)> di;
        const auto gradient = hn::LoadU(d, dy + output * s.channels + c);
        const auto position = hn::LoadU(di, chosen + output * s.channels + c);
        ForEachPixel(s, window, [&](Index p) HWY_ATTR {
          const auto here = hn::RebindMask(d, hn::Eq(position, hn::Set(di, static_cast<std::int32_t>(p))));
          StoreOrAdd(d, hn::IfThenElseZero(here, gradient), image + p * s.channels, c, true);
        });
      });
    });
  });
}

void MeanPoolForward(const PoolShape& s, const float* x, float* y) {
  parallel_for(s.batch, [&](Index b) HWY_ATTR {
    const float* image = x + b * s.height * s.width * s.channels;
    ForEachWindow(s, b, [&](const PoolWindow& window, Index output) HWY_ATTR {
      const float scale = 1.0f / static_cast<float>(window.cells);
      ForRange(0, s.channels, [&](auto d, Index c) HWY_ATTR {
        auto sum = hn::Zero(d);
        ForEachPixel(s, window,
                     [&](Index p) HWY_ATTR { sum = hn::Add(sum, hn::LoadU(d, image + p * s.channels + c)); });
        hn::StoreU(hn::Mul(sum, hn::Set(d, scale)), d, y + output * s.channels + c);
      });
    });
  });
}

void MeanPoolBackward(const PoolShape& s, const float* dy, float* dx, bool accumulate) {
  const Index values = s.height * s.width * s.channels;
  parallel_for(s.batch, [&](Index b) HWY_ATTR {
    float* const image = dx + b * values;
    ClearUnless(accumulate, values, image);
    ForEachWindow(s, b, [&](const PoolWindow& window, Index output) HWY_ATTR {
      const float scale = 1.0f / static_cast<float>(window.cells);
      ForRange(0, s.channels, [&](auto d, Index c) HWY_ATTR {
        const auto gradient = hn::Mul(hn::LoadU(d, dy + output * s.channels + c), hn::Set(d, scale));
        ForEachPixel(s, window, [&](Index p) HWY_ATTR { StoreOrAdd(d, gradient, image + p * s.channels, c, true); });
      });
    });
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(MaxPoolForward);
HWY_EXPORT(MaxPoolBackward);
HWY_EXPORT(MeanPoolForward);
HWY_EXPORT(MeanPoolBackward);

void max_pool_forward(const PoolShape& shape, const float* x, float* y, std::int32_t* chosen) {
  HWY_DYNAMIC_DISPATCH(MaxPoolForward)(shape, x, y, chosen);
}

void max_pool_backward(const PoolShape& shape, const float* dy, const std::int32_t* chosen, float* dx,
                       bool accumulate) {
  HWY_DYNAMIC_DISPATCH(MaxPoolBackward)(shape, dy, chosen, dx, accumulate);
}

void mean_pool_forward(const PoolShape& shape, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(MeanPoolForward)(shape, x, y);
}

void mean_pool_backward(const PoolShape& shape, const float* dy, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(MeanPoolBackward)(shape, dy, dx, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
