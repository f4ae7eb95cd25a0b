#include "bench/fma_peak.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/fma_peak.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>

HWY_BEFORE_NAMESPACE();
namespace normlab {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kSums = 12;  // more than latency times throughput of any processor meant here

// Returns floating-point operations done. `x` is 0 at run time, which the compiler does not know.
double MultiplyAdds(int steps, float x, float* sink) {
  const hn::ScalableTag<float> d;
  const auto a = hn::Set(d, x);
  hn::Vec<decltype(d)> sums[kSums];
#pragma GCC unroll 12
  for (int i = 0; i < kSums; ++i) {
    sums[i] = hn::Set(d, x + static_cast<float>(i));
  }
  for (int step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) {
      sums[i] = hn::MulAdd(sums[i], a, a);
    }
  }
  auto total = hn::Zero(d);
#pragma GCC unroll 12
  for (int i = 0; i < kSums; ++i) {
    total = hn::Add(total, sums[i]);
  }
  *sink = hn::GetLane(total);
  return 2.0 * steps * kSums * static_cast<double>(hn::Lanes(d));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab {

HWY_EXPORT(MultiplyAdds);

double fma_peak() {
  using Clock = std::chrono::steady_clock;
  volatile float zero = 0.0f;
  float sink = 0.0f;
  double best = 0.0;
  for (int run = 0; run < 20; ++run) {
    const auto start = Clock::now();
    const double operations = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(200'000, zero, &sink);
    best = std::max(best, operations / std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  zero = sink;
  return best;
}

}  // namespace normlab
#endif  // HWY_ONCE
