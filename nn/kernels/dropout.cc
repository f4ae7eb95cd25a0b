#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/dropout.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>

#include "base/parallel.h"
#include "nn/kernels/dropout.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr Index kWordsPerPiece = kGrain / kMaskBits;

// Bit i: whether words[i] is at least `threshold`, for kMaskBits of them. Highway compares unsigned numbers by < alone.
HWY_INLINE std::uint32_t AtLeast(const std::uint32_t* words, std::uint32_t threshold) {
  const hn::CappedTag<std::uint32_t, kMaskBits> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  std::uint64_t below = 0;
  for (Index i = 0; i < kMaskBits; i += lanes) {
    std::uint64_t part = 0;
    std::array<std::uint8_t, 8> bytes{};
    hn::StoreMaskBits(d, hn::Lt(hn::LoadU(d, words + i), hn::Set(d, threshold)), bytes.data());
    std::memcpy(&part, bytes.data(), sizeof part);
    below |= part << i;
  }
  return static_cast<std::uint32_t>(~below);
}

void DrawMask(const Rng& stream, std::uint32_t threshold, Index words, std::uint32_t* keep) {
  constexpr Index kDrawn = 32;  // words of the mask at a time: 4 KiB of random words
  parallel_ranges(words, kWordsPerPiece, [&](Index begin, Index end) HWY_ATTR {
    Rng rng = stream;
    rng.Skip(static_cast<std::uint64_t>(begin * kMaskBits / 4));
    std::array<std::uint32_t, kDrawn * kMaskBits> random;
    for (Index w = begin; w < end; w += kDrawn) {
      const Index count = std::min(kDrawn, end - w);
      rng.Next32(std::span(random).first(static_cast<std::size_t>(count * kMaskBits)));
      for (Index k = 0; k < count; ++k) {
        keep[w + k] = AtLeast(random.data() + k * kMaskBits, threshold);
      }
    }
  });
}

// The lanes of d that start at bit i of a word.
template <typename D>
HWY_INLINE hn::Mask<D> KeptAt(D d, std::uint32_t word, Index i) {
  const std::uint64_t bits = word >> i;
  std::array<std::uint8_t, 8> bytes;
  std::memcpy(bytes.data(), &bits, sizeof bits);
  return hn::LoadMaskBits(d, bytes.data());
}

void ScaleKept(Index n, const std::uint32_t* keep, float factor, const float* x, float* y, bool accumulate) {
  parallel_ranges(mask_words(n), kWordsPerPiece, [&](Index begin, Index end) HWY_ATTR {
    for (Index w = begin; w < end; ++w) {
      const Index first = w * kMaskBits;
      ForRange(0, std::min(kMaskBits, n - first), [&](auto d, Index i) HWY_ATTR {
        const auto scaled = hn::Mul(hn::Set(d, factor), hn::LoadU(d, x + first + i));
        StoreOrAdd(d, hn::IfThenElseZero(KeptAt(d, keep[w], i), scaled), y, first + i, accumulate);
      });
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(DrawMask);
HWY_EXPORT(ScaleKept);

void draw_mask(const Rng& stream, double rate, Index n, std::uint32_t* keep) {
  const double threshold = std::min(std::round(rate * 0x1p32), 0x1p32 - 1.0);
  HWY_DYNAMIC_DISPATCH(DrawMask)(stream, static_cast<std::uint32_t>(threshold), mask_words(n), keep);
}

void scale_kept(Index n, const std::uint32_t* keep, float factor, const float* x, float* y, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(ScaleKept)(n, keep, factor, x, y, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
