#include "nn/kernels/gemm_sparse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

constexpr Index kPad = 3;  // floats between the end of a row and the next

struct Product {
  Trans ts, tb, tc;
  Index m, n, k;
  bool accumulate;
};

void PrintTo(const Product& p, std::ostream* os) {
  for (const Trans t : {p.ts, p.tb, p.tc}) {
    *os << (t == Trans::kYes ? "T" : "N");
  }
  *os << " m " << p.m << " n " << p.n << " k " << p.k << (p.accumulate ? " accumulate" : "");
}

// A matrix in memory: rows x cols, or its transpose.
struct Stored {
  Stored(Trans t, Index rows, Index cols, std::uint32_t seed)
      : transposed(t == Trans::kYes),
        ld((transposed ? rows : cols) + kPad),
        data(Uniform((transposed ? cols : rows) * ld, seed)) {}
  std::size_t at(Index i, Index j) const { return static_cast<std::size_t>(transposed ? j * ld + i : i * ld + j); }

  bool transposed;
  Index ld;
  std::vector<float> data;
};

// One value in five stays; a row is empty and another full, as images may be.
Stored Sparse(const Product& p) {
  Stored s(p.ts, p.m, p.k, 1);
  for (Index i = 0; i < p.m; ++i) {
    for (Index j = 0; j < p.k; ++j) {
      if (i == p.m / 2 || (i != 0 && (i * 31 + j * 7) % 5 != 0)) {
        s.data[s.at(i, j)] = j % 2 == 0 ? 0.0f : -0.0f;
      }
    }
  }
  return s;
}

std::vector<float> Multiply(const Product& p) {
  const Stored s = Sparse(p), b(p.tb, p.k, p.n, 2);
  Stored c(p.tc, p.m, p.n, 3);
  gemm_sparse(p.ts, p.tb, p.tc, p.m, p.n, p.k, s.data.data(), s.ld, b.data.data(), b.ld, c.data.data(), c.ld,
              p.accumulate);
  return c.data;
}

void ExpectProduct(const Product& p) {
  const Stored s = Sparse(p), b(p.tb, p.k, p.n, 2);
  Stored want(p.tc, p.m, p.n, 3);
  const std::vector<float> got = Multiply(p);
  for (Index i = 0; i < p.m; ++i) {
    for (Index j = 0; j < p.n; ++j) {
      float& c = want.data[want.at(i, j)];
      double sum = p.accumulate ? c : 0.0, magnitude = std::abs(sum);
      for (Index q = 0; q < p.k; ++q) {
        const double term = static_cast<double>(s.data[s.at(i, q)]) * b.data[b.at(q, j)];
        sum += term;
        magnitude += std::abs(term);
      }
      const double bound = 0.5 * static_cast<double>(p.k + 1) * std::numeric_limits<float>::epsilon() * magnitude;
      ASSERT_NEAR(got[want.at(i, j)], sum, bound) << testing::PrintToString(p) << " at (" << i << ", " << j << ")";
      c = got[want.at(i, j)];
    }
  }
  ASSERT_TRUE(SameBits(got, want.data)) << testing::PrintToString(p) << " wrote between the rows";
}

TEST(GemmSparse, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Trans ts : {Trans::kNo, Trans::kYes}) {
      for (const Trans tb : {Trans::kNo, Trans::kYes}) {
        for (const Trans tc : {Trans::kNo, Trans::kYes}) {
          for (const Index n : {1, 47, 48, 130}) {
            for (const Index k : {1, 100, 128, 300}) {
              ASSERT_NO_FATAL_FAILURE(ExpectProduct({ts, tb, tc, 1, n, k, false}));
              ASSERT_NO_FATAL_FAILURE(ExpectProduct({ts, tb, tc, 37, n, k, false}));
              ASSERT_NO_FATAL_FAILURE(ExpectProduct({ts, tb, tc, 37, n, k, true}));
            }
          }
        }
      }
    }
  });
}

TEST(GemmSparse, ThreadsGiveTheSameBits) {
  for (const Product& p : {Product{Trans::kNo, Trans::kYes, Trans::kNo, 128, 1000, 784, false},
                           Product{Trans::kYes, Trans::kNo, Trans::kYes, 784, 1000, 128, true}}) {
    SetThreads(1);
    const std::vector<float> one = Multiply(p);
    for (const int threads : {2, 3, 8}) {
      SetThreads(threads);
      EXPECT_TRUE(SameBits(one, Multiply(p))) << testing::PrintToString(p) << " threads " << threads;
    }
    SetThreads(1);
  }
}

TEST(GemmSparse, CarriesNaNOfTheSparseOperand) {
  const std::vector<float> s{0.0f, std::numeric_limits<float>::quiet_NaN()}, b{1.0f, 1.0f};
  float c = 0.0f;
  gemm_sparse(Trans::kNo, Trans::kNo, Trans::kNo, 1, 1, 2, s.data(), 2, b.data(), 1, &c, 1);
  EXPECT_TRUE(std::isnan(c));
}

TEST(MostlyZero, NeedsEnoughRowsAndEnoughZeros) {
  std::vector<float> s(64 * 100, 0.0f);
  EXPECT_TRUE(mostly_zero(64, 100, s.data()));
  EXPECT_FALSE(mostly_zero(4, 100, s.data()));
  std::fill_n(s.begin(), 2000, 1.0f);
  EXPECT_TRUE(mostly_zero(64, 100, s.data()));
  std::fill_n(s.begin(), 3200, 1.0f);
  EXPECT_FALSE(mostly_zero(64, 100, s.data()));
}

}  // namespace
}  // namespace normlab::nn::kernels
