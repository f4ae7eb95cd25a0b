#include "nn/kernels/gemm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

struct Product {
  Trans ta, tb;
  Index m, n, k;
  Index pad = 0;  // floats between the end of a row and the next
  bool accumulate = false;

  Index a_rows() const { return ta == Trans::kYes ? k : m; }
  Index a_cols() const { return ta == Trans::kYes ? m : k; }
  Index b_rows() const { return tb == Trans::kYes ? n : k; }
  Index b_cols() const { return tb == Trans::kYes ? k : n; }
  Index lda() const { return a_cols() + pad; }
  Index ldb() const { return b_cols() + pad; }
  Index ldc() const { return n + pad; }
  std::vector<float> a() const { return Uniform(a_rows() * lda(), 1); }
  std::vector<float> b() const { return Uniform(b_rows() * ldb(), 2); }
  std::vector<float> c() const { return Uniform(m * ldc(), 3); }
  float at_a(const std::vector<float>& x, Index i, Index p) const {
    return x[static_cast<std::size_t>(ta == Trans::kYes ? p * lda() + i : i * lda() + p)];
  }
  float at_b(const std::vector<float>& x, Index p, Index j) const {
    return x[static_cast<std::size_t>(tb == Trans::kYes ? j * ldb() + p : p * ldb() + j)];
  }
};

void PrintTo(const Product& s, std::ostream* os) {
  *os << (s.ta == Trans::kYes ? "T" : "N") << (s.tb == Trans::kYes ? "T" : "N") << " m " << s.m << " n " << s.n << " k "
      << s.k << " pad " << s.pad << (s.accumulate ? " accumulate" : "");
}

std::vector<float> Multiply(const Product& s) {
  const auto a = s.a(), b = s.b();
  auto c = s.c();
  gemm(s.ta, s.tb, s.m, s.n, s.k, a.data(), s.lda(), b.data(), s.ldb(), c.data(), s.ldc(), s.accumulate);
  return c;
}

std::vector<float> MultiplyPacked(const Product& s, Order sweep = Order::kForward) {
  const auto a = s.a(), b = s.b();
  auto c = s.c();
  PackedMatrix packed;
  packed.pack(s.tb, s.k, s.n, b.data(), s.ldb());
  gemm_packed(s.ta, s.m, a.data(), s.lda(), packed, c.data(), s.ldc(), s.accumulate, sweep);
  return c;
}

// Every element within the rounding bound of a sum of k products in any order; the padding between rows untouched.
void ExpectProduct(const Product& s, const std::vector<float>& got) {
  const auto a = s.a(), b = s.b(), before = s.c();
  for (Index i = 0; i < s.m; ++i) {
    for (Index j = 0; j < s.ldc(); ++j) {
      const auto at = static_cast<std::size_t>(i * s.ldc() + j);
      if (j >= s.n) {
        ASSERT_EQ(got[at], before[at]) << testing::PrintToString(s) << " wrote past row " << i;
        continue;
      }
      double want = s.accumulate ? before[at] : 0.0, magnitude = std::abs(want);
      for (Index p = 0; p < s.k; ++p) {
        const double term = static_cast<double>(s.at_a(a, i, p)) * s.at_b(b, p, j);
        want += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(got[at], want, 0.5 * static_cast<double>(s.k + 1) * kEpsilon * magnitude)
          << testing::PrintToString(s) << " at (" << i << ", " << j << ")";
    }
  }
}

std::vector<Product> OddProducts() {
  std::vector<Product> out;
  for (const Trans ta : {Trans::kNo, Trans::kYes}) {
    for (const Trans tb : {Trans::kNo, Trans::kYes}) {
      for (const Index m : {1, 3, 4, 8, 17, 129}) {
        for (const Index n : {1, 3, 17, 48, 129}) {
          for (const Index k : {0, 1, 3, 17, 129}) {
            for (const bool accumulate : {false, true}) {
              out.push_back({ta, tb, m, n, k, (m + n + k) % 3 * 5, accumulate});
            }
          }
        }
      }
      out.push_back({ta, tb, 37, 51, 1301, 3, true});  // longer than a block of k
      out.push_back({ta, tb, 5, 700, 1301, 0, true});
      out.push_back({ta, tb, 37, 129, 1024, 0, true});  // rows whole pages apart
      out.push_back({ta, tb, 12, 300, 1301, 2048 - 1301, false});
    }
  }
  return out;
}

TEST(Gemm, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Product& s : OddProducts()) {
      ASSERT_NO_FATAL_FAILURE(ExpectProduct(s, Multiply(s)));
    }
  });
}

TEST(Gemm, PackedMatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Product& s : OddProducts()) {
      ASSERT_NO_FATAL_FAILURE(ExpectProduct(s, MultiplyPacked(s)));
    }
  });
}

TEST(Gemm, ThreadsGiveTheSameBits) {
  for (const Trans ta : {Trans::kNo, Trans::kYes}) {
    for (const Trans tb : {Trans::kNo, Trans::kYes}) {
      for (const auto& [m, n, k] : std::vector<std::tuple<Index, Index, Index>>{{128, 1000, 784},
                                                                                {4, 1000, 784},
                                                                                {4, 784, 1000},
                                                                                {1000, 784, 128},
                                                                                {1000, 784, 4},
                                                                                {129, 65, 1301},
                                                                                {129, 129, 1024}}) {
        const Product s{ta, tb, m, n, k, 0, true};
        SetThreads(1);
        const auto one = Multiply(s), one_packed = MultiplyPacked(s);
        for (const int threads : {2, 3, 8}) {
          SetThreads(threads);
          EXPECT_TRUE(SameBits(one, Multiply(s))) << testing::PrintToString(s) << " threads " << threads;
          EXPECT_TRUE(SameBits(one_packed, MultiplyPacked(s)))
              << testing::PrintToString(s) << " packed, threads " << threads;
        }
        SetThreads(1);
      }
    }
  }
}

TEST(Gemm, ASweepBackwardsGivesTheSameBits) {
  for (const auto& [m, n, k] :
       std::vector<std::tuple<Index, Index, Index>>{{8, 1600, 400}, {3, 100, 7}, {129, 65, 1301}}) {
    const Product s{Trans::kNo, Trans::kYes, m, n, k, 3, true};
    EXPECT_TRUE(SameBits(MultiplyPacked(s), MultiplyPacked(s, Order::kBackward))) << testing::PrintToString(s);
  }
}

TEST(Gemm, PackedRowsDoNotDependOnTheNumberOfRows) {
  const Product all{Trans::kNo, Trans::kYes, 13, 100, 700};
  const auto together = MultiplyPacked(all);
  for (Index m = 1; m < all.m; ++m) {
    Product some = all;
    some.m = m;
    const auto c = MultiplyPacked(some);
    EXPECT_TRUE(SameBits(c, {together.begin(), together.begin() + m * all.n})) << m << " rows";
  }
}

// Stored runs of small batches have these bits: sums from zero over nearly equal blocks of at most 128 steps, in order.
TEST(Gemm, FewRowsAreSummedInOrderAndInBlocksOfKOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    const bool fused = target.starts_with("AVX") || target.starts_with("NEON");
    const auto sum_of = [&](const Product& s, const std::vector<float>& a, const std::vector<float>& b, Index i,
                            Index j, float c) {
      const Index blocks = (s.k + 127) / 128, size = (s.k + blocks - 1) / blocks;
      for (Index begin = 0; begin < s.k; begin += size) {
        float sum = 0.0f;
        for (Index p = begin; p < std::min(begin + size, s.k); ++p) {
          const volatile float product = s.at_a(a, i, p) * s.at_b(b, p, j);  // rounded
          sum = fused ? std::fma(s.at_a(a, i, p), s.at_b(b, p, j), sum) : product + sum;
        }
        c = begin > 0 || s.accumulate ? c + sum : sum;
      }
      return c;
    };
    for (const Trans ta : {Trans::kNo, Trans::kYes}) {
      for (Index m = 1; m <= 8; ++m) {
        for (const auto& [n, k] : std::vector<std::pair<Index, Index>>{{1, 5}, {70, 128}, {1100, 129}, {37, 1000}}) {
          const Product s{ta, Trans::kNo, m, n, k, 3, m % 2 == 0};
          const auto a = s.a(), b = s.b(), before = s.c(), got = Multiply(s);
          for (Index i = 0; i < m; ++i) {
            for (Index j = 0; j < n; ++j) {
              const auto at = static_cast<std::size_t>(i * s.ldc() + j);
              ASSERT_EQ(got[at], sum_of(s, a, b, i, j, before[at]))
                  << target << " " << testing::PrintToString(s) << " at (" << i << ", " << j << ")";
            }
          }
        }
      }
    }
  });
}

TEST(Gemm, OverwritesNaNUnlessItAccumulates) {
  const std::vector<float> a(16, 1.0f), b(16, 2.0f);
  std::vector<float> c(16, std::numeric_limits<float>::quiet_NaN());
  gemm(Trans::kNo, Trans::kYes, 4, 4, 4, a.data(), 4, b.data(), 4, c.data(), 4);
  EXPECT_THAT(c, testing::Each(8.0f));
}

TEST(Gemm, CarriesNaNAndInfinityFromInputs) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const Index m : {1, 4, 33}) {
      auto a = Uniform(m * 40, 1);
      const auto b = Uniform(40 * 50, 2);
      a[39] = bad;
      std::vector<float> c(static_cast<std::size_t>(m) * 50);
      gemm(Trans::kNo, Trans::kYes, m, 50, 40, a.data(), 40, b.data(), 40, c.data(), 50);
      EXPECT_TRUE(std::none_of(c.begin(), c.begin() + 50, [](float x) { return std::isfinite(x); }));
      EXPECT_TRUE(std::all_of(c.begin() + 50, c.end(), [](float x) { return std::isfinite(x); }));
    }
  }
}

}  // namespace
}  // namespace normlab::nn::kernels
