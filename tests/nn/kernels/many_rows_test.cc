// Reductions over the rows of a convolution's batch, 100,000 and more: cut by rows too, the same for any number of
// threads, and below the threshold in the row order that the other experiments' bits are made of.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/pointwise.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

constexpr Index kMostInOrder = 65536;
constexpr Index kRows = kMostInOrder + 4465;  // pieces of unequal size

// y_j, the sum over the rows of term(row, j), in double.
template <typename Term>
std::vector<double> ColumnSums(Index rows, Index f, Term term) {
  std::vector<double> sums(static_cast<std::size_t>(f));
  for (Index r = 0; r < rows; ++r) {
    for (Index j = 0; j < f; ++j) {
      sums[j] += term(r, j);
    }
  }
  return sums;
}

// Sums of so many values around 0 are of the size of their root: an error of float's rounding of each would show.
void ExpectSums(const std::vector<float>& got, const std::vector<double>& want, float before) {
  for (std::size_t j = 0; j < want.size(); ++j) {
    ASSERT_NEAR(got[j], before + want[j], 2e-3) << "column " << j;
  }
}

TEST(ManyRows, ColumnSumsMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index f : {1, 33, 96}) {
      const auto x = Uniform(kRows * f, 1);
      std::vector<float> sums(static_cast<std::size_t>(f), 1.0f);
      add_column_sums(kRows, f, x.data(), sums.data());
      ExpectSums(sums, ColumnSums(kRows, f, [&](Index r, Index j) { return x[r * f + j]; }), 1.0f);
    }
  });
}

TEST(ManyRows, MomentsMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const float center : {0.0f, 1e4f}) {
      const Index f = 33;
      auto x = Uniform(kRows * f, 1);
      for (float& v : x) {
        v += center;
      }
      std::vector<float> mean(f), variance(f);
      column_moments(kRows, f, x.data(), mean.data(), variance.data());
      const auto n = static_cast<double>(kRows);
      const auto sums = ColumnSums(kRows, f, [&](Index r, Index j) { return x[r * f + j]; });
      const auto squares =
          ColumnSums(kRows, f, [&](Index r, Index j) { return std::pow(x[r * f + j] - sums[j] / n, 2); });
      for (std::size_t j = 0; j < sums.size(); ++j) {
        ASSERT_NEAR(mean[j], sums[j] / n, 2e-6 + 1.2e-7 * static_cast<double>(center));
        ASSERT_NEAR(variance[j], squares[j] / n, 1e-5);
      }
    }
  });
}

// What a layer norm per position and a 2-D batch norm give their gains and biases, and the inputs.
struct Gradients {
  std::vector<float> dx, dgain, dbias;
};

Gradients OfLayerNorm(Index rows, Index f, const std::vector<float>& x, const std::vector<float>& dy,
                      std::vector<float>& mean, std::vector<float>& inv) {
  Gradients g{std::vector<float>(x.size()), std::vector<float>(f, 1.0f), std::vector<float>(f, 2.0f)};
  std::vector<float> y(x.size());
  mean.resize(static_cast<std::size_t>(rows));
  inv.resize(mean.size());
  layer_norm_forward(rows, f, x.data(), nullptr, nullptr, 1e-2f, EpsPlace::kInsideSqrt, y.data(), mean.data(),
                     inv.data());
  layer_norm_backward(rows, f, dy.data(), x.data(), mean.data(), inv.data(), nullptr, 1e-2f, EpsPlace::kInsideSqrt,
                      g.dx.data(), false, g.dgain.data(), g.dbias.data());
  return g;
}

Gradients OfBatchNorm(Index rows, Index f, const std::vector<float>& x, const std::vector<float>& dy,
                      const std::vector<float>& gain, std::vector<float>& mean, std::vector<float>& inv) {
  Gradients g{std::vector<float>(x.size()), std::vector<float>(f, 1.0f), std::vector<float>(f, 2.0f)};
  mean.resize(static_cast<std::size_t>(f));
  inv.resize(mean.size());
  column_moments(rows, f, x.data(), mean.data(), inv.data());
  std::transform(inv.begin(), inv.end(), inv.begin(),
                 [](float v) { return inverse_deviation(v, 1e-2f, EpsPlace::kInsideSqrt); });
  batch_norm_backward(rows, f, dy.data(), x.data(), mean.data(), inv.data(), gain.data(), {}, g.dx.data(), false,
                      g.dgain.data(), g.dbias.data());
  return g;
}

TEST(ManyRows, LayerNormsGainAndBiasMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index f : {3, 33}) {
      const auto x = Uniform(kRows * f, 1), dy = Uniform(kRows * f, 2);
      std::vector<float> mean, inv;
      const Gradients g = OfLayerNorm(kRows, f, x, dy, mean, inv);
      const auto n = [&](Index r, Index j) { return static_cast<double>((x[r * f + j] - mean[r]) * inv[r]); };
      ExpectSums(g.dgain, ColumnSums(kRows, f, [&](Index r, Index j) { return dy[r * f + j] * n(r, j); }), 1.0f);
      ExpectSums(g.dbias, ColumnSums(kRows, f, [&](Index r, Index j) { return dy[r * f + j]; }), 2.0f);
    }
  });
}

TEST(ManyRows, BatchNormsGradientsMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    const Index f = 33;
    const auto x = Uniform(kRows * f, 1), dy = Uniform(kRows * f, 2), gain = Uniform(f, 3);
    std::vector<float> mean, inv;
    const Gradients g = OfBatchNorm(kRows, f, x, dy, gain, mean, inv);
    const auto n = [&](Index r, Index j) { return static_cast<double>((x[r * f + j] - mean[j]) * inv[j]); };
    const auto dot = ColumnSums(kRows, f, [&](Index r, Index j) { return dy[r * f + j] * n(r, j); });
    const auto sum = ColumnSums(kRows, f, [&](Index r, Index j) { return dy[r * f + j]; });
    ExpectSums(g.dgain, dot, 1.0f);
    ExpectSums(g.dbias, sum, 2.0f);
    for (Index i = 0; i < kRows * f; ++i) {
      const Index r = i / f, j = i % f;
      const double want = gain[j] * static_cast<double>(inv[j]) *
                          (dy[i] - sum[j] / static_cast<double>(kRows) - n(r, j) * dot[j] / static_cast<double>(kRows));
      ASSERT_NEAR(g.dx[i], want, 2e-6) << i;
    }
  });
}

TEST(ManyRows, AnyNumberOfThreadsGivesTheSameBits) {
  const Index f = 33;
  const auto x = Uniform(kRows * f, 1), dy = Uniform(kRows * f, 2), gain = Uniform(f, 3);
  const auto run = [&](int threads) {
    SetThreads(threads);
    std::vector<float> mean, inv, all(f, 0.5f);
    add_column_sums(kRows, f, x.data(), all.data());
    for (const Gradients& g :
         {OfBatchNorm(kRows, f, x, dy, gain, mean, inv), OfLayerNorm(kRows, f, x, dy, mean, inv)}) {
      for (const auto* part : {&g.dx, &g.dgain, &g.dbias}) {
        all.insert(all.end(), part->begin(), part->end());
      }
    }
    SetThreads(1);
    return all;
  };
  const auto one = run(1);
  for (const int threads : {2, 3, 8}) {
    EXPECT_TRUE(SameBits(one, run(threads))) << threads;
  }
}

// The bits of sums that the experiments without convolutions had before rows were cut: one row after the other.
TEST(ManyRows, FewerAreSummedInRowOrder) {
  const Index f = 3;
  const auto x = Uniform((kMostInOrder + 1) * f, 1);
  for (const Index rows : {kMostInOrder, kMostInOrder + 1}) {
    std::vector<float> sums(f, 0.25f), in_order(f, 0.25f);
    add_column_sums(rows, f, x.data(), sums.data());
    for (Index i = 0; i < rows * f; ++i) {
      in_order[i % f] += x[i];
    }
    EXPECT_EQ(SameBits(sums, in_order), rows == kMostInOrder) << rows;
  }
}

}  // namespace
}  // namespace normlab::nn::kernels
