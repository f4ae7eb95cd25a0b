#include "nn/kernels/pointwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Kernel = void (*)(Index, const float*, float*);

void ExpectFunction(Kernel kernel, const std::function<double(double)>& reference, float scale) {
  ForEachTarget([&](const std::string& target) {
    SCOPED_TRACE(target);
    auto x = Uniform(20'011, 1);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] *= i % 2 == 0 ? scale : 1e-3f;
    }
    std::vector<float> y(x.size());
    kernel(static_cast<Index>(x.size()), x.data(), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double want = reference(x[i]);
      ASSERT_NEAR(y[i], want, 5e-7 * std::abs(want) + std::numeric_limits<float>::min()) << "at " << x[i];
    }
    std::vector<float> nan(9, kNaN);
    kernel(9, nan.data(), nan.data());
    for (const float v : nan) {
      ASSERT_TRUE(std::isnan(v));
    }
  });
}

TEST(Pointwise, ExpMatchesDouble) {
  ExpectFunction(
      &exp, [](double x) { return std::exp(x); }, 80.0f);
  float x[2] = {kInfinity, -kInfinity}, y[2];
  exp(2, x, y);
  EXPECT_EQ(y[0], kInfinity);
  EXPECT_EQ(y[1], 0.0f);
}

TEST(Pointwise, SigmoidMatchesDouble) {
  ExpectFunction(
      &sigmoid, [](double x) { return 1.0 / (1.0 + std::exp(-x)); }, 80.0f);
  float x[4] = {kInfinity, -kInfinity, 1e30f, 0.0f}, y[4];
  sigmoid(4, x, y);
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 0.0f);
  EXPECT_EQ(y[2], 1.0f);
  EXPECT_EQ(y[3], 0.5f);
}

TEST(Pointwise, TanhMatchesDouble) {
  ExpectFunction(
      &tanh, [](double x) { return std::tanh(x); }, 20.0f);
  float x[2] = {kInfinity, -1e30f}, y[2];
  tanh(2, x, y);
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], -1.0f);
}

TEST(LogSoftmax, MatchesDoubleAndSurvivesLargeLogits) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index f : {1, 2, 10, 77}) {
      for (const float scale : {1.0f, 100.0f, 1e4f}) {
        const Index rows = 6;
        auto x = Uniform(rows * f, 1);
        for (float& v : x) {
          v *= scale;
        }
        std::vector<float> y(x.size());
        log_softmax_rows(rows, f, x.data(), y.data());
        for (Index r = 0; r < rows; ++r) {
          double sum = 0, top = -1e30;
          for (Index j = 0; j < f; ++j) {
            top = std::max<double>(top, x[r * f + j]);
          }
          for (Index j = 0; j < f; ++j) {
            sum += std::exp(x[r * f + j] - top);
          }
          for (Index j = 0; j < f; ++j) {
            const double want = x[r * f + j] - top - std::log(sum);
            ASSERT_NEAR(y[r * f + j], want, 4e-7 * (1.0 + std::abs(want))) << "f " << f << " scale " << scale;
          }
        }
      }
    }
  });
}

TEST(LogSoftmax, OneBadLogitSpoilsItsWholeRowAndNoOther) {
  for (const float bad : {kNaN, kInfinity}) {
    for (const Index at : {0, 3, 9}) {
      auto x = Uniform(20, 1);
      x[static_cast<std::size_t>(at)] = bad;
      log_softmax_rows(2, 10, x.data(), x.data());
      for (std::size_t j = 0; j < 20; ++j) {
        EXPECT_EQ(std::isfinite(x[j]), j >= 10) << "bad at " << at << ", element " << j;
      }
    }
  }
}

TEST(Relu, ForwardBackwardAndColumnSumsOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index f : {1, 9, 300}) {
      const Index rows = 5;
      const auto x = Uniform(rows * f, 1), bias = Uniform(f, 2), dy = Uniform(rows * f, 3);
      std::vector<float> y(x.size()), plain(x.size()), biased(x.size()), dx(x.size(), 1.0f), sums(f, 1.0f);
      bias_relu(rows, f, x.data(), bias.data(), y.data());
      bias_relu(rows, f, x.data(), nullptr, plain.data());
      add_bias(rows, f, x.data(), bias.data(), biased.data());
      relu_backward(rows * f, dy.data(), y.data(), dx.data(), true);
      add_column_sums(rows, f, dy.data(), sums.data());
      for (Index i = 0; i < rows * f; ++i) {
        const float v = x[i] + bias[i % f];
        ASSERT_EQ(biased[i], v);
        ASSERT_EQ(y[i], v > 0 ? v : 0.0f);
        ASSERT_EQ(plain[i], x[i] > 0 ? x[i] : 0.0f);
        ASSERT_EQ(dx[i], v > 0 ? 1.0f + dy[i] : 1.0f);
      }
      for (Index j = 0; j < f; ++j) {
        double want = 1;
        for (Index r = 0; r < rows; ++r) {
          want += dy[r * f + j];
        }
        ASSERT_NEAR(sums[j], want, 2e-6);
      }
    }
  });
}

TEST(Relu, KeepsNaN) {
  std::vector<float> x(9, kNaN);
  bias_relu(1, 9, x.data(), nullptr, x.data());
  for (const float v : x) {
    EXPECT_TRUE(std::isnan(v));
  }
}

}  // namespace
}  // namespace normlab::nn::kernels
