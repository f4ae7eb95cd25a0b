// simd-inl.h - loops over contiguous floats written once for whole vectors and the remainder. Included inside
// foreach_target, once per instruction set; never from another header.
//
// Bodies are generic lambdas `[&](auto d, Index i) HWY_ATTR`: d is the full vector tag, or one lane for the last n %
// lanes elements (masked loads may read past the end on some instruction sets). Both use the same operations in the
// same order, so a result does not depend on how a range was reached, only on the instruction set.
#if defined(NORMLAB_NN_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_SIMD_INL_H_
#undef NORMLAB_NN_KERNELS_SIMD_INL_H_
#else
#define NORMLAB_NN_KERNELS_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include "nn/kernels/aligned.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Full = hn::ScalableTag<float>;
using Single = hn::CappedTag<float, 1>;

HWY_INLINE Index FullLanes() { return static_cast<Index>(hn::Lanes(Full())); }

// Floats per piece of a loop that does little with each: microseconds of work, large against the cost of handing out a
// piece, small enough to balance threads. Loops that do more with a float cut finer.
constexpr Index kGrain = 1 << 13;
HWY_INLINE Index RowGrain(Index f) { return f >= kGrain ? 1 : kGrain / f; }
// Columns per piece when rows are summed, at most kMostColumns, for as many accumulators: four cache lines of each row
// while a cache holds the rows; of so many that they come from memory, which wants to be read in its order, whole rows.
constexpr Index kMostColumns = 1024;
HWY_INLINE Index ColumnGrain(Index rows) { return rows <= 4096 ? 64 : kMostColumns; }

// An optional array: p[i...], or the constant when p is null.
template <typename D>
HWY_INLINE hn::Vec<D> LoadOr(D d, const float* p, Index i, float constant) {
  return p ? hn::LoadU(d, p + i) : hn::Set(d, constant);
}

// Overwrites, or adds to, y[i...].
template <typename D>
HWY_INLINE void StoreOrAdd(D d, hn::Vec<D> x, float* y, Index i, bool add) {
  hn::StoreU(add ? hn::Add(hn::LoadU(d, y + i), x) : x, d, y + i);
}

// Calls body(d, i) over [begin, end).
template <typename Body>
HWY_INLINE void ForRange(Index begin, Index end, Body&& body) {
  Index i = begin;
  for (; i + FullLanes() <= end; i += FullLanes()) {
    body(Full(), i);
  }
  for (; i < end; ++i) {
    body(Single(), i);
  }
}

struct TwoSums {
  float first, second;
};

// Sums over i in [0, n): body(d, i, first, second) adds its terms to the two accumulators of its tag. Four partial sums
// per lane shorten both the dependency chain and the rounding error.
template <typename Body>
HWY_INLINE TwoSums SumTwo(Index n, Body&& body) {
  const Full d;
  const Single one;
  auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  const Index lanes = FullLanes();
  Index i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    body(d, i, a0, b0);
    body(d, i + lanes, a1, b1);
    body(d, i + 2 * lanes, a2, b2);
    body(d, i + 3 * lanes, a3, b3);
  }
  for (; i + lanes <= n; i += lanes) {
    body(d, i, a0, b0);
  }
  auto at = hn::Zero(one), bt = at;
  for (; i < n; ++i) {
    body(one, i, at, bt);
  }
  const auto total = [&](auto v0, auto v1, auto v2, auto v3)
                         HWY_ATTR { return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(v0, v1), hn::Add(v2, v3)))); };
  return {total(a0, a1, a2, a3) + hn::GetLane(at), total(b0, b1, b2, b3) + hn::GetLane(bt)};
}

// The sum of term(d, i) over [0, n).
template <typename Term>
HWY_INLINE float Sum(Index n, Term&& term) {
  return SumTwo(n, [&](auto d, Index i, auto& sum, auto&) HWY_ATTR { sum = hn::Add(sum, term(d, i)); }).first;
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_SIMD_INL_H_
