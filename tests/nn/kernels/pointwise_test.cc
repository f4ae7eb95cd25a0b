#include "nn/kernels/pointwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "nn/kernels/gelu.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Kernel = void (*)(Index, const float*, float*);

void ExpectFunction(Kernel kernel, const std::function<double(double)>& reference, float scale,
                    double relative = 5e-7) {
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
      ASSERT_NEAR(y[i], want, relative * std::abs(want) + std::numeric_limits<float>::min()) << "at " << x[i];
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

// The negative tail too: its values are small, not wrong.
TEST(Gelu, MatchesDouble) {
  ExpectFunction([](Index n, const float* x, float* y) { gelu(GeluForm::kErf, n, x, y); },
                 [](double x) { return 0.5 * x * std::erfc(-x / std::numbers::sqrt2); }, 5.0f, 4e-6);
  ExpectFunction([](Index n, const float* x, float* y) { gelu(GeluForm::kTanh, n, x, y); },
                 [](double x) { return x / (1.0 + std::exp(-2.0 * kGeluScale * (x + kGeluCube * x * x * x))); }, 5.0f,
                 4e-6);
}

TEST(Gelu, IsTheIdentityOrZeroFarOut) {
  for (const GeluForm form : {GeluForm::kErf, GeluForm::kTanh}) {
    const float x[] = {1e30f, -1e30f, 40.0f, -40.0f}, ones[] = {1.0f, 1.0f, 1.0f, 1.0f};
    float y[4], dx[4];
    gelu(form, 4, x, y);
    gelu_backward(form, 4, ones, x, dx, false);
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(y[i], std::max(x[i], 0.0f));
      EXPECT_EQ(dx[i], x[i] > 0.0f ? 1.0f : 0.0f);
    }
  }
}

TEST(Gelu, SlopeMatchesDouble) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    auto x = Uniform(10'007, 1);
    for (float& v : x) {
      v *= 6.0f;
    }
    std::vector<float> dx(x.size(), 1.0f), dy(x.size(), 0.5f);
    gelu_backward(GeluForm::kErf, static_cast<Index>(x.size()), dy.data(), x.data(), dx.data(), true);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i];
      const double slope =
          0.5 * std::erfc(-v / std::numbers::sqrt2) + v * std::exp(-0.5 * v * v) / std::sqrt(2.0 * std::numbers::pi);
      ASSERT_NEAR(dx[i], 1.0 + 0.5 * slope, 5e-7) << "at " << v;
    }
  });
}

TEST(SigmoidAndTanh, SlopesMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    const auto y = Uniform(9'001, 1), dy = Uniform(9'001, 2);
    const auto n = static_cast<Index>(y.size());
    std::vector<float> of_tanh(y.size()), of_sigmoid(y.size(), 1.0f);
    tanh_backward(n, dy.data(), y.data(), of_tanh.data(), false);
    sigmoid_backward(n, dy.data(), y.data(), of_sigmoid.data(), true);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double v = y[i], g = dy[i];
      ASSERT_NEAR(of_tanh[i], g * (1.0 - v * v), 1e-7);
      ASSERT_NEAR(of_sigmoid[i], 1.0 + g * v * (1.0 - v), 5e-7);
    }
  });
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
