#include "base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace normlab {
namespace {

// Known answers published with the generator (Random123's kat_vectors).
TEST(Philox, MatchesPublishedVectors) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t f = 0xffffffff;
  EXPECT_EQ(Philox4x32({f, f, f, f}, {f, f}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

// Whatever the vectors hold, a run of blocks has the words of its blocks, also where the count runs over 32 bits.
TEST(Philox, ARunOfBlocksIsItsBlocks) {
  constexpr PhiloxKey kKey = {0xa4093822, 0x299f31d0};
  const PhiloxBlock first = {0xfffffffb, 7, 0x13198a2e, 0x03707344};
  for (std::size_t blocks = 0; blocks < 40; ++blocks) {
    std::vector<std::uint32_t> words(4 * blocks);
    Philox4x32(first, kKey, words);
    for (std::uint32_t i = 0; i < blocks; ++i) {
      const PhiloxBlock counter = {first[0] + i, i < 5 ? 7u : 8u, first[2], first[3]};
      const PhiloxBlock block = Philox4x32(counter, kKey);
      EXPECT_TRUE(std::equal(block.begin(), block.end(), words.begin() + 4 * i)) << i << " of " << blocks;
    }
  }
}

// Many words at once from any position of the stream are the words one by one, and the stream goes on behind them.
TEST(Rng, ManyAtOnceAreTheSameOneByOne) {
  Rng one(7, "many"), many(7, "many");
  for (std::size_t n : {0, 1, 2, 3, 4, 5, 31, 64, 257}) {
    std::vector<std::uint32_t> words(n);
    many.Next32(words);
    for (std::uint32_t word : words) {
      EXPECT_EQ(word, one.Next32()) << n;
    }
  }
  // The last two reject every other word: the multiple that fits below 2^64 is little more than half of it.
  for (std::uint64_t n : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{24},
                          std::uint64_t{1} << 32, (std::uint64_t{1} << 63) + 1, (std::uint64_t{1} << 63) + 12345}) {
    std::vector<std::uint64_t> below(300);
    many.Below(n, below);
    for (std::uint64_t x : below) {
      ASSERT_LT(x, n);
      EXPECT_EQ(x, one.Below(n)) << n;
    }
  }
}

TEST(Rng, SameKeySameNumbersAndOthersDiffer) {
  Rng a(7, "order", 3);
  Rng b(7, "order", 3);
  Rng other_step(7, "order", 4);
  Rng other_seed(8, "order", 3);
  Rng other_purpose(7, "init", 3);
  const std::uint64_t x = a.Next64();
  EXPECT_EQ(x, b.Next64());
  EXPECT_NE(x, other_step.Next64());
  EXPECT_NE(x, other_seed.Next64());
  EXPECT_NE(x, other_purpose.Next64());
  EXPECT_EQ(x, other_step.AtStep(3).Next64()) << "from the beginning, however much was drawn";
}

TEST(Rng, SkipPassesOverBlocksOfFourWords) {
  Rng all(7, "mask", 3), late(7, "mask", 3);
  std::vector<std::uint32_t> words(4 * 1000 + 9);
  all.Next32(words);
  late.Skip(1000);
  for (std::size_t i = 4000; i < words.size(); ++i) {
    EXPECT_EQ(late.Next32(), words[i]) << i;
  }
}

TEST(Rng, NormalHasTheMomentsOfANormal) {
  Rng rng(1, "moments");
  const int n = 200000;
  double m1 = 0, m2 = 0, m4 = 0;
  for (int i = 0; i < n; ++i) {
    const double x = rng.Normal();
    m1 += x;
    m2 += x * x;
    m4 += x * x * x * x;
  }
  EXPECT_NEAR(m1 / n, 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(m2 / n, 1.0, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m4 / n, 3.0, 5 * std::sqrt(96.0 / n));
}

TEST(Rng, BelowIsUniform) {
  Rng rng(1, "below");
  std::vector<int> count(7);
  const int n = 70000;
  for (int i = 0; i < n; ++i) {
    ++count[rng.Below(7)];
  }
  double chi2 = 0;
  for (int c : count) {
    chi2 += (c - n / 7.0) * (c - n / 7.0) / (n / 7.0);
  }
  EXPECT_LT(chi2, 22.5);  // 0.1 % point of chi-squared with 6 degrees of freedom
}

TEST(Rng, PermutationHoldsEveryIndexOnce) {
  const std::vector<std::uint32_t> p = Rng(3, "order", 0).Permutation(1000);
  EXPECT_EQ(std::set<std::uint32_t>(p.begin(), p.end()).size(), 1000u);
  EXPECT_NE(p, Rng(3, "order", 1).Permutation(1000));
}

}  // namespace
}  // namespace normlab
