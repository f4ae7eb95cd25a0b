#include "nn/kernels/dropout.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

constexpr Index kValues = 40'011;  // several pieces, and a last word that is not full

std::vector<std::uint32_t> Mask(double rate, const Rng& stream = Rng(1, "mask")) {
  std::vector<std::uint32_t> keep(static_cast<std::size_t>(mask_words(kValues)));
  draw_mask(stream, rate, kValues, keep.data());
  return keep;
}

bool Kept(const std::vector<std::uint32_t>& keep, Index i) {
  return (keep[static_cast<std::size_t>(i / kMaskBits)] >> (i % kMaskBits) & 1u) != 0;
}

TEST(DropoutMask, WordsOfTheStreamDecideOnEveryTargetAndTeam) {
  std::vector<std::uint32_t> words(kValues);
  Rng(1, "mask").Next32(words);
  ForEachTarget([&](const std::string& target) {
    for (const int threads : {1, 2, 3, 8}) {
      SetThreads(threads);
      for (const double rate : {0.5, 0.1}) {
        const auto threshold = static_cast<std::uint32_t>(std::round(rate * 0x1p32));
        const auto keep = Mask(rate);
        for (Index i = 0; i < kValues; ++i) {
          ASSERT_EQ(Kept(keep, i), words[static_cast<std::size_t>(i)] >= threshold)
              << target << ", " << threads << " threads, value " << i;
        }
      }
    }
  });
  SetThreads(1);
}

TEST(DropoutMask, LeavesOutItsShare) {
  for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
    const auto keep = Mask(rate);
    double kept = 0;
    for (Index i = 0; i < kValues; ++i) {
      kept += Kept(keep, i) ? 1 : 0;
    }
    const double deviation = std::sqrt(static_cast<double>(kValues) * rate * (1.0 - rate));
    EXPECT_NEAR(kept, (1.0 - rate) * static_cast<double>(kValues), 4.0 * deviation) << rate;
  }
  EXPECT_EQ(std::popcount(Mask(1.0 - 1e-12).front()), 0) << "a rate that rounds to 1";
}

TEST(DropoutMask, OtherStreamsGiveOtherMasks) {
  EXPECT_NE(Mask(0.5), Mask(0.5, Rng(1, "mask", 1)));
  EXPECT_NE(Mask(0.5), Mask(0.5, Rng(2, "mask")));
  EXPECT_NE(Mask(0.5), Mask(0.5, Rng(1, "other")));
}

TEST(ScaleKept, WritesOrAddsWhatIsKept) {
  const auto keep = Mask(0.3);
  const auto x = Uniform(kValues, 1), before = Uniform(kValues, 2);
  ForEachTarget([&](const std::string& target) {
    std::vector<float> written = x, added = before;
    scale_kept(kValues, keep.data(), 1.25f, written.data(), written.data(), false);
    scale_kept(kValues, keep.data(), 1.25f, x.data(), added.data(), true);
    for (Index i = 0; i < kValues; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float want = Kept(keep, i) ? 1.25f * x[at] : 0.0f;
      ASSERT_EQ(written[at], want) << target << " at " << i;
      ASSERT_EQ(added[at], before[at] + want) << target << " at " << i;
    }
  });
}

}  // namespace
}  // namespace normlab::nn::kernels
