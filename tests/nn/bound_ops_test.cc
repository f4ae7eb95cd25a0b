// The terms of a variational bound: samples, divergence, Bernoulli likelihood.
#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "nn/ops/domain/bernoulli.h"
#include "nn/ops/domain/gaussian.h"
#include "tests/nn/op_testing.h"
#include "tests/nn/primitive_image_attention.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;

class BoundOps : public testing::TestWithParam<Shape> {
 protected:
  BoundOps() { in_.normal("m", features_, batch_).normal("l", features_, batch_, -0.5, 0.5); }
  DVar Binary(DTape& t) {
    return primitive::constant(in_.on(t, "m"), features_, batch_, [](Index i, Index j) { return (3 * i + j) % 2; });
  }
  const Index features_ = GetParam().features, batch_ = GetParam().batch;
  Inputs in_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, BoundOps, testing::ValuesIn(kShapes), ShapeName);

TEST_P(BoundOps, GradientOfTheSample) {
  const std::vector<double> noise = [&] {
    Rng rng(3, "noise");
    std::vector<double> values(static_cast<std::size_t>(features_ * batch_));
    std::generate(values.begin(), values.end(), [&] { return rng.Normal(); });
    return values;
  }();
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    return gaussian_sample(in_.on(t, "m"), in_.on(t, "l"), t.input("noise", noise.data(), features_, batch_));
  }));
}

TEST_P(BoundOps, GradientOfTheDivergence) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return kl_to_standard_normal(in_.on(t, "m"), in_.on(t, "l")); }));
}

TEST_P(BoundOps, GradientOfTheLikelihood) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return bernoulli_nll(in_.on(t, "m"), Binary(t)); }));
}

TEST_P(BoundOps, GradientOfTheResidual) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return bernoulli_residual(in_.on(t, "m"), Binary(t)); }));
}

TEST_P(BoundOps, AgreeWithTheDefinitions) {
  DTape t;
  const DVar m = in_.on(t, "m"), l = in_.on(t, "l"), x = Binary(t);
  EXPECT_NEAR(kl_to_standard_normal(m, l).scalar(), primitive::divergence(m, l).scalar(), 1e-12);
  EXPECT_NEAR(bernoulli_nll(m, x).scalar(), primitive::nll(m, x).scalar(), 1e-12);
}

// The constant is 1/2 a latent value, not 1/2 a time step: a standard normal is no distance from itself.
TEST(Divergence, IsZeroForTheStandardNormal) {
  const std::vector<double> zeros(100 * 3, 0.0);
  DTape t;
  const DVar zero = t.input("zero", zeros.data(), 100, 3);
  EXPECT_EQ(kl_to_standard_normal(zero, zero).scalar(), 0.0);
  EXPECT_NEAR(primitive::divergence(zero, zero, {.kl_constant_per_value = -1.0 / 100}).scalar(), 49.5, 1e-9);
}

// By integration: KL(N(1, 4) || N(0, 1)) = 1/2 (1 + 4 - log 4 - 1).
TEST(Divergence, OfOneKnownGaussian) {
  const double mu = 1.0, log_sigma = std::log(2.0);
  DTape t;
  const double kl = kl_to_standard_normal(t.input("m", &mu, 1, 1), t.input("l", &log_sigma, 1, 1)).scalar();
  double integral = 0.0;
  constexpr double kStep = 1e-3;
  for (double z = -30.0; z < 30.0; z += kStep) {
    const double u = (z - mu) / 2.0;
    const double density = std::exp(-0.5 * u * u) / (2.0 * std::sqrt(2.0 * std::numbers::pi));
    integral += kStep * density * (-0.5 * u * u - log_sigma + 0.5 * z * z);
  }
  EXPECT_NEAR(kl, integral, 1e-6);
}

TEST(Likelihood, StaysFiniteForLogitsOfAnySize) {
  const float logits[] = {1e4f, -1e4f, 1e4f, -1e4f, 0.0f};
  const float x[] = {1.0f, 0.0f, 0.0f, 1.0f, 1.0f};
  Tape t;
  EXPECT_FLOAT_EQ(bernoulli_nll(t.input("c", logits, 5, 1), t.input("x", x, 5, 1)).scalar(), 2e4f + std::log(2.0f));
}

}  // namespace
}  // namespace normlab::nn
