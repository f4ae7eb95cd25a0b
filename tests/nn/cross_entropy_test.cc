#include "nn/ops/cross_entropy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nn/parameter.h"

namespace normlab::nn {
namespace {

// The loss of one example with label 0, and its gradient.
template <typename T>
struct OneExample {
  BasicParameterStore<T> store{1};
  BasicTape<T> tape;
  T loss;
  std::vector<T> gradient;

  explicit OneExample(const std::vector<T>& logits) {
    const auto n = static_cast<std::int64_t>(logits.size());
    BasicParameter<T>& z = store.add("z", {1, n}, init::zeros());
    std::copy(logits.begin(), logits.end(), z.value());
    const std::vector<std::int32_t> label = {0};
    const BasicVar<T> out = softmax_cross_entropy(tape.parameter(z), std::span<const std::int32_t>(label));
    loss = out.scalar();
    tape.backward(out);
    gradient.assign(z.gradient(), z.gradient() + n);
  }
};

// exp(-23) = 1.03e-10 = 1 - p: in float p itself rounds to 1, loss and gradient must not round to 0.
TEST(SoftmaxCrossEntropy, TinyLossesKeepTheirPrecisionInFloat) {
  for (const float margin : {5.0f, 16.0f, 23.0f, 46.0f, 80.0f}) {
    const OneExample<float> e({margin, 0.0f, -1.0f});
    const double others = std::exp(-static_cast<double>(margin)) * (1.0 + std::exp(-1.0));
    EXPECT_NEAR(e.loss / std::log1p(others), 1.0, 1e-5) << margin;
    EXPECT_NEAR(e.gradient[0] / (-others / (1.0 + others)), 1.0, 1e-5) << margin;
    EXPECT_NEAR(e.gradient[1] / (std::exp(-static_cast<double>(margin)) / (1.0 + others)), 1.0, 1e-5) << margin;
  }
}

TEST(SoftmaxCrossEntropy, LargeLogitsDoNotOverflow) {
  const OneExample<float> wrong({-1000.0f, 1000.0f});
  EXPECT_EQ(wrong.loss, 2000.0f);
  EXPECT_EQ(wrong.gradient[0], -1.0f);
  EXPECT_EQ(wrong.gradient[1], 1.0f);
}

TEST(SoftmaxCrossEntropy, OneClassHasNoLoss) {
  const OneExample<float> e({3.0f});
  EXPECT_EQ(e.loss, 0.0f);
  EXPECT_EQ(e.gradient[0], 0.0f);
}

TEST(SoftmaxCrossEntropy, NaNShows) {
  for (const std::vector<float>& z : {std::vector<float>{NAN, 0.0f}, {0.0f, NAN}, {INFINITY, INFINITY}}) {
    EXPECT_TRUE(std::isnan(OneExample<float>(z).loss));
  }
}

TEST(Classify, CountsErrorsAndSumsNats) {
  const std::vector<float> z = {2.0f, 0.0f, 0.0f, 1.0f, NAN, 0.0f};
  const std::vector<std::int32_t> labels = {0, 0, 1};
  Tape tape(Recording::kOff);
  const Classification right = classify(tape.input("z", z.data(), 2, 2), std::span(labels).first(2));
  EXPECT_EQ(right.errors, 1);
  EXPECT_NEAR(right.nll_sum, std::log1p(std::exp(-2.0)) + 1.0 + std::log1p(std::exp(-1.0)), 1e-6);
  const Classification diverged = classify(tape.input("z", z.data(), 2, 3), std::span<const std::int32_t>(labels));
  EXPECT_EQ(diverged.errors, 2);
  EXPECT_TRUE(std::isnan(diverged.nll_sum));
}

}  // namespace
}  // namespace normlab::nn
