#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/attention.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/parallel.h"
#include "nn/kernels/activation-inl.h"
#include "nn/kernels/attention.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

void Dots(const SequenceLayout& layout, Index f, const float* q, const float* k, float* s, bool accumulate) {
  parallel_ranges(layout.cols(), RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index c = begin; c < end; ++c) {
      const float* a = q + layout.example(c) * f;
      const float* b = k + c * f;
      const float dot = SumTwo(f, [&](auto d, Index i, auto& sum, auto&) HWY_ATTR {
                          sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
                        }).first;
      s[c] = accumulate ? s[c] + dot : dot;
    }
  });
}

// An example's part of so many features, whose sums stay in the first-level cache, and examples of a piece, whose columns
// are gone over in the order of memory.
constexpr Index kSumFeatures = 256, kSumExamples = 8;

void Sums(const SequenceLayout& layout, Index f, const float* a, const float* v, float* y, bool accumulate) {
  const Index parts = (f + kSumFeatures - 1) / kSumFeatures;
  const Index groups = (layout.batch + kSumExamples - 1) / kSumExamples;
  parallel_for(groups * parts, [&](Index piece) HWY_ATTR {
    const Index first = piece / parts * kSumExamples, examples = std::min(kSumExamples, layout.batch - first);
    const Index begin = piece % parts * kSumFeatures, end = std::min(begin + kSumFeatures, f);
    for (Index b = first; !accumulate && b < first + examples; ++b) {
      std::fill(y + b * f + begin, y + b * f + end, 0.0f);
    }
    for (Index k = 0; k < layout.steps * examples; ++k) {
      const bool time_major = layout.order == SequenceOrder::kTimeMajor;
      const Index t = time_major ? k / examples : k % layout.steps;
      const Index b = first + (time_major ? k % examples : k / layout.steps);
      const Index c = layout.column(t, b);
      if (a[c] != 0.0f) {
        ForRange(begin, end, [&](auto d, Index i) HWY_ATTR {
          const auto sum = hn::MulAdd(hn::Set(d, a[c]), hn::LoadU(d, v + c * f + i), hn::LoadU(d, y + b * f + i));
          hn::StoreU(sum, d, y + b * f + i);
        });
      }
    }
  });
}

void Outer(const SequenceLayout& layout, Index f, const float* a, const float* q, float* v, bool accumulate) {
  parallel_ranges(layout.cols(), RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index c = begin; c < end; ++c) {
      const float* from = q + layout.example(c) * f;
      ForRange(0, f, [&](auto d, Index i) HWY_ATTR {
        StoreOrAdd(d, hn::Mul(hn::Set(d, a[c]), hn::LoadU(d, from + i)), v, c * f + i, accumulate);
      });
    }
  });
}

constexpr float kLowest = -std::numeric_limits<float>::infinity();

template <typename D>
HWY_INLINE hn::Mask<D> Counts(D d, const float* mask, Index c) {
  return hn::Ne(LoadOr(d, mask, c, 1.0f), hn::Zero(d));
}

// exp(s - max) where the mask is set, else 0.
template <typename D, typename V>
HWY_INLINE V MaskedExp(D d, const float* mask, const float* s, Index c, V max) {
  return hn::IfThenElseZero(Counts(d, mask, c), ExpOf(d, hn::Sub(hn::LoadU(d, s + c), max)));
}

// 1 / sum; 0 if there was nothing to add.
template <typename D, typename V>
HWY_INLINE V InverseOf(D d, V sum) {
  return hn::IfThenZeroElse(hn::Eq(sum, hn::Zero(d)), hn::Div(hn::Set(d, 1.0f), sum));
}

// The examples of a time step lie side by side: a lane for each.
void SoftmaxOverSteps(const SequenceLayout& layout, const float* mask, const float* s, float* a) {
  parallel_ranges(layout.batch, RowGrain(4 * layout.steps), [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end, [&](auto d, Index b) HWY_ATTR {
      auto max = hn::Set(d, kLowest), sum = hn::Zero(d);
      for (Index c = b; c < layout.cols(); c += layout.batch) {
        max = hn::IfThenElse(Counts(d, mask, c), hn::Max(max, hn::LoadU(d, s + c)), max);
      }
      for (Index c = b; c < layout.cols(); c += layout.batch) {
        const auto e = MaskedExp(d, mask, s, c, max);
        sum = hn::Add(sum, e);
        hn::StoreU(e, d, a + c);
      }
      const auto inverse = InverseOf(d, sum);
      for (Index c = b; c < layout.cols(); c += layout.batch) {
        hn::StoreU(hn::Mul(hn::LoadU(d, a + c), inverse), d, a + c);
      }
    });
  });
}

// The highest of n values that count.
float RowMax(Index n, const float* mask, const float* s) {
  auto max = hn::Set(Full(), kLowest);
  float rest = kLowest;
  ForRange(0, n, [&](auto d, Index i) HWY_ATTR {
    const auto x = hn::IfThenElse(Counts(d, mask, i), hn::LoadU(d, s + i), hn::Set(d, kLowest));
    if constexpr (std::is_same_v<decltype(d), Single>) {
      rest = std::max(rest, hn::GetLane(x));
    } else {
      max = hn::Max(max, x);
    }
  });
  return std::max(rest, hn::GetLane(hn::MaxOfLanes(Full(), max)));
}

// The steps of an example lie side by side.
void SoftmaxOverRow(Index n, const float* mask, const float* s, float* a) {
  const float max = RowMax(n, mask, s);
  const float sum = Sum(n, [&](auto d, Index i) HWY_ATTR {
    const auto e = MaskedExp(d, mask, s, i, hn::Set(d, max));
    hn::StoreU(e, d, a + i);
    return e;
  });
  const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
  ForRange(0, n,
           [&](auto d, Index i) HWY_ATTR { hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::Set(d, inverse)), d, a + i); });
}

void Softmax(const SequenceLayout& layout, const float* mask, const float* s, float* a) {
  if (layout.order == SequenceOrder::kTimeMajor) {
    SoftmaxOverSteps(layout, mask, s, a);
    return;
  }
  parallel_ranges(layout.batch, RowGrain(4 * layout.steps), [&](Index begin, Index end) HWY_ATTR {
    for (Index first = begin * layout.steps; first < end * layout.steps; first += layout.steps) {
      SoftmaxOverRow(layout.steps, mask == nullptr ? nullptr : mask + first, s + first, a + first);
    }
  });
}

// a da, and 0 where the mask was 0: there da may be anything.
template <typename D, typename V = hn::Vec<D>>
HWY_INLINE V Share(D d, V a, V da) {
  return hn::IfThenZeroElse(hn::Eq(a, hn::Zero(d)), hn::Mul(a, da));
}

void SoftmaxBackward(const SequenceLayout& layout, const float* a, const float* da, float* ds, bool accumulate) {
  const auto share = [=](auto d, Index c) HWY_ATTR { return Share(d, hn::LoadU(d, a + c), hn::LoadU(d, da + c)); };
  const auto gradient = [=](auto d, Index c, auto sum) HWY_ATTR {
    const auto weight = hn::LoadU(d, a + c);
    StoreOrAdd(d, Share(d, weight, hn::Sub(hn::LoadU(d, da + c), sum)), ds, c, accumulate);
  };
  parallel_ranges(layout.batch, RowGrain(2 * layout.steps), [&](Index begin, Index end) HWY_ATTR {
    if (layout.order == SequenceOrder::kTimeMajor) {
      ForRange(begin, end, [&](auto d, Index b) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (Index c = b; c < layout.cols(); c += layout.batch) {
          sum = hn::Add(sum, share(d, c));
        }
        for (Index c = b; c < layout.cols(); c += layout.batch) {
          gradient(d, c, sum);
        }
      });
      return;
    }
    for (Index first = begin * layout.steps; first < end * layout.steps; first += layout.steps) {
      const float sum = Sum(layout.steps, [&](auto d, Index i) HWY_ATTR { return share(d, first + i); });
      ForRange(first, first + layout.steps, [&](auto d, Index c) HWY_ATTR { gradient(d, c, hn::Set(d, sum)); });
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(Dots);
HWY_EXPORT(Sums);
HWY_EXPORT(Outer);
HWY_EXPORT(Softmax);
HWY_EXPORT(SoftmaxBackward);

void sequence_dots(const SequenceLayout& layout, Index f, const float* q, const float* k, float* s, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(Dots)(layout, f, q, k, s, accumulate);
}
void sequence_sums(const SequenceLayout& layout, Index f, const float* a, const float* v, float* y, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(Sums)(layout, f, a, v, y, accumulate);
}
void sequence_outer(const SequenceLayout& layout, Index f, const float* a, const float* q, float* v, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(Outer)(layout, f, a, q, v, accumulate);
}
void sequence_softmax(const SequenceLayout& layout, const float* mask, const float* s, float* a) {
  HWY_DYNAMIC_DISPATCH(Softmax)(layout, mask, s, a);
}
void sequence_softmax_backward(const SequenceLayout& layout, const float* a, const float* da, float* ds,
                               bool accumulate) {
  HWY_DYNAMIC_DISPATCH(SoftmaxBackward)(layout, a, da, ds, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
