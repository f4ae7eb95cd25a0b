#include "nn/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/error.h"

namespace normlab::nn {
namespace {

// A store with one parameter {2, -1} and a way to give it a gradient.
class OptimizerTest : public testing::Test {
 protected:
  void set_gradient(double g0, double g1) {
    double* g = w_.gradient_memory();
    *w_.gradient_flag() = true;
    g[0] = g0;
    g[1] = g1;
  }

  BasicParameterStore<double> store_{1};
  BasicParameter<double>& w_ = store_.add("w", {2}, [](Rng&, Fans, std::span<double> v) {
    v[0] = 2.0;
    v[1] = -1.0;
  });
};

// By hand, with lr 0.1, beta1 0.9, beta2 0.999, eps 1e-8 and gradients 0.5 then -0.25:
// t = 1: m = 0.05, v = 0.00025; m^ = 0.5, v^ = 0.25; step 0.1 * 0.5 / (0.5 + 1e-8)
// t = 2: m = 0.02, v = 0.00031225; m^ = 0.02 / 0.19, v^ = 0.00031225 / 0.001999
TEST_F(OptimizerTest, AdamTakesTheStepsComputedByHand) {
  BasicAdam<double> adam(store_, {.learning_rate = 0.1});
  set_gradient(0.5, 0.0);
  adam.step(0);
  double expected = 2.0 - 0.1 * 0.5 / (0.5 + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
  EXPECT_EQ(w_.value()[1], -1.0);
  set_gradient(-0.25, 0.0);
  adam.step(1);
  expected -= 0.1 * (0.02 / 0.19) / (std::sqrt(0.00031225 / 0.001999) + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
}

// The same moments without dividing by 1 - beta^t: the first step is larger by (0.05 / 0.0158) / 1 = 3.16.
TEST_F(OptimizerTest, AdamWithoutBiasCorrectionTakesTheStepsComputedByHand) {
  BasicAdam<double> adam(store_, {.learning_rate = 0.1, .bias_correction = false});
  set_gradient(0.5, 0.0);
  adam.step(0);
  double expected = 2.0 - 0.1 * 0.05 / (std::sqrt(0.00025) + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
  set_gradient(-0.25, 0.0);
  adam.step(1);
  expected -= 0.1 * 0.02 / (std::sqrt(0.00031225) + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
}

// With eps = 1 a step of g = 1e-3 tells the two places of eps apart: |step| = lr g / (g + 1), not lr g / sqrt(g^2 + 1).
TEST_F(OptimizerTest, AdamsEpsStandsOutsideTheRoot) {
  BasicAdam<double> adam(store_, {.learning_rate = 1.0, .eps = 1.0});
  set_gradient(0.5, 0.0);
  adam.step(0);
  EXPECT_NEAR(w_.value()[0], 2.0 - 0.5 / 1.5, 1e-12);
}

TEST_F(OptimizerTest, SgdTakesTheStepsComputedByHand) {
  BasicSgd<double> sgd(store_, {.learning_rate = 0.1, .momentum = 0.5});
  set_gradient(1.0, 2.0);
  sgd.step(0);
  EXPECT_NEAR(w_.value()[0], 1.9, 1e-15);
  EXPECT_NEAR(w_.value()[1], -1.2, 1e-15);
  set_gradient(1.0, 0.0);
  sgd.step(1);  // velocities 1.5 and 1.0
  EXPECT_NEAR(w_.value()[0], 1.75, 1e-15);
  EXPECT_NEAR(w_.value()[1], -1.3, 1e-15);
}

TEST_F(OptimizerTest, StepClearsTheGradients) {
  BasicSgd<double> sgd(store_, {.learning_rate = 0.1, .momentum = 0.0});
  set_gradient(1.0, 1.0);
  sgd.step(0);
  sgd.step(1);  // no gradient came: nothing moves
  EXPECT_NEAR(w_.value()[0], 1.9, 1e-15);
}

TEST_F(OptimizerTest, SlotsAreNamedAfterTheirParameter) {
  BasicAdam<double> adam(store_, {});
  const auto slots = adam.slots();
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].name, "adam.m.w");
  EXPECT_EQ(slots[1].name, "adam.v.w");
  EXPECT_EQ(slots[1].shape, std::vector<std::int64_t>{2});
}

TEST_F(OptimizerTest, ParametersAddedAfterwardsAreAnError) {
  BasicAdam<double> adam(store_, {});
  store_.add("late", {3}, init::zeros());
  EXPECT_THROW(adam.step(0), Error);
}

// Float goes through the vector kernel: the same ten steps to float rounding.
TEST(Optimizer, AdamInFloatFollowsDouble) {
  for (const bool corrected : {true, false}) {
    BasicParameterStore<double> exact(3);
    BasicParameterStore<float> fast(3);
    exact.add("w", {7, 5}, init::glorot_uniform());
    fast.add("w", {7, 5}, init::glorot_uniform());
    BasicAdam<double> exact_adam(exact, {.bias_correction = corrected});
    BasicAdam<float> fast_adam(fast, {.bias_correction = corrected});
    Rng rng(3, "gradient");
    for (std::uint64_t update = 0; update < 10; ++update) {
      for (Index i = 0; i < 35; ++i) {
        const float g = static_cast<float>(rng.Normal());
        exact.gradient_memory()[i] = g;
        fast.gradient_memory()[i] = g;
      }
      *exact.at("w").gradient_flag() = *fast.at("w").gradient_flag() = true;
      exact_adam.step(update);
      fast_adam.step(update);
    }
    for (Index i = 0; i < 35; ++i) {
      EXPECT_NEAR(fast.values()[i], exact.values()[i], 1e-6) << i;
    }
  }
}

}  // namespace
}  // namespace normlab::nn
