#include "nn/optim/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>

#include "nn/error.h"
#include "tests/nn/optim/reference_numbers.h"

namespace normlab::nn {
namespace {

template <typename T>
void give_gradient(BasicParameter<T>& p, const double* gradient) {
  std::transform(gradient, gradient + p.size(), p.gradient_memory(), [](double v) { return static_cast<T>(v); });
  *p.gradient_flag() = true;
}

bool none_is_exempt(std::string_view, std::span<const std::int64_t>) { return false; }

// What each name of reference_numbers.py stands for.
struct Case {
  const char* name;
  OptimizerSpec spec;
};
const OptimizerSpec kAdam = {.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3};
const OptimizerSpec kRmsprop = {.kind = OptimizerKind::kRmsprop, .learning_rate = 0.05, .alpha = 0.9, .eps = 1e-3};
const OptimizerSpec kSgd = {.kind = OptimizerKind::kSgd, .learning_rate = 0.05};
const OptimizerSpec kGraves = {
    .kind = OptimizerKind::kRmspropGraves, .learning_rate = 0.05, .momentum = 0.9, .alpha = 0.95, .eps = 1e-2};

template <typename Change>
OptimizerSpec with(OptimizerSpec spec, Change&& change) {
  change(spec);
  return spec;
}

std::vector<Case> cases() {
  const auto decay = [](OptimizerSpec& s) { s.weight_decay = 0.3; };
  const auto decay_of_all = [](OptimizerSpec& s) {
    s.weight_decay = 0.3;
    s.exempt_from_decay = none_is_exempt;
  };
  const auto momentum = [](OptimizerSpec& s) { s.momentum = 0.9; };
  const OptimizerSpec adamw = with(kAdam, [](OptimizerSpec& s) { s.kind = OptimizerKind::kAdamW; });
  return {
      {"adam", kAdam},
      {"adam_l2", with(kAdam, decay_of_all)},
      {"adam_l2_biases_exempt", with(kAdam, decay)},
      {"adam_uncorrected", with(kAdam, [](OptimizerSpec& s) { s.bias_correction = false; })},
      {"adamw", with(adamw, decay_of_all)},
      {"adamw_biases_exempt", with(adamw, decay)},
      {"sgd", kSgd},
      {"sgd_momentum", with(kSgd, momentum)},
      {"sgd_momentum_l2_biases_exempt", with(with(kSgd, momentum), decay)},
      {"sgd_nesterov", with(with(kSgd, momentum), [](OptimizerSpec& s) { s.nesterov = true; })},
      {"rmsprop", kRmsprop},
      {"rmsprop_momentum", with(kRmsprop, [](OptimizerSpec& s) { s.momentum = 0.8; })},
      {"rmsprop_l2", with(kRmsprop, decay_of_all)},
      {"rmsprop_graves", kGraves},
      {"rmsprop_graves_l2_biases_exempt", with(kGraves, decay)},
  };
}

// The weight [2 x 3] before the bias [3] after all updates with the reference's gradients times `scale`.
template <typename T>
std::vector<double> train(const OptimizerSpec& spec, double scale, const Schedule& schedule = {}) {
  BasicParameterStore<T> store(1);
  const auto from = [](const double* start) {
    return [start](Rng&, Fans, std::span<double> v) { std::copy_n(start, v.size(), v.begin()); };
  };
  BasicParameter<T>& weight = store.add("weight", {2, 3}, from(reference::kStart));
  BasicParameter<T>& bias = store.add("bias", {3}, from(reference::kStart + 6));
  const auto optimizer = make_optimizer(store, spec, schedule);
  std::uint64_t update = 0;
  for (const auto& gradient : reference::kGradients) {
    give_gradient(weight, gradient);
    give_gradient(bias, gradient + 6);
    for (Index i = 0; i < store.flat_size(); ++i) {
      store.gradients()[i] /= static_cast<T>(scale);
    }
    optimizer->step(update++, scale);
  }
  std::vector<double> all(weight.value(), weight.value() + 6);
  std::copy_n(bias.value(), 3, std::back_inserter(all));
  return all;
}

TEST(Optimizers, TakePyTorchsSteps) {
  const std::vector<Case> known = cases();
  ASSERT_EQ(known.size(), std::size(reference::kOptimizers));
  for (std::size_t c = 0; c < known.size(); ++c) {
    SCOPED_TRACE(known[c].name);
    ASSERT_STREQ(known[c].name, reference::kOptimizers[c].name);
    for (const double scale : {1.0, 0.25}) {
      const std::vector<double> exact = train<double>(known[c].spec, scale), fast = train<float>(known[c].spec, scale);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        EXPECT_NEAR(exact[i], reference::kOptimizers[c].values[i], 1e-13) << i;
        EXPECT_NEAR(fast[i], reference::kOptimizers[c].values[i], 1e-6) << i;
      }
    }
  }
}

// The numbers above would not tell two kinds apart if they were alike.
TEST(Optimizers, TheReferencesDiffer) {
  for (const auto& a : reference::kOptimizers) {
    for (const auto& b : reference::kOptimizers) {
      if (&a != &b) {
        EXPECT_GT(std::abs(a.values[0] - b.values[0]) + std::abs(a.values[6] - b.values[6]), 1e-3)
            << a.name << " and " << b.name;
      }
    }
  }
}

TEST(Optimizers, TheScheduleSaysTheRateOfEachUpdate) {
  const Schedule halves{.kind = ScheduleKind::kStep, .step_factor = 0.5, .step_every = 1};
  std::vector<double> expected(reference::kStart, reference::kStart + 9);
  double rate = kSgd.learning_rate;
  for (const auto& gradient : reference::kGradients) {
    for (std::size_t i = 0; i < 9; ++i) {
      expected[i] -= rate * gradient[i];
    }
    rate *= 0.5;
  }
  const std::vector<double> got = train<double>(kSgd, 1.0, halves);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(got[i], expected[i], 1e-14);
  }
}

// A store with one parameter {2, -1} and a way to give it a gradient.
class OptimizerTest : public testing::Test {
 protected:
  void set_gradient(double g0, double g1) { give_gradient(w_, std::array{g0, g1}.data()); }

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
  const auto adam = make_optimizer(store_, {.learning_rate = 0.1});
  set_gradient(0.5, 0.0);
  adam->step(0);
  double expected = 2.0 - 0.1 * 0.5 / (0.5 + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
  EXPECT_EQ(w_.value()[1], -1.0);
  set_gradient(-0.25, 0.0);
  adam->step(1);
  expected -= 0.1 * (0.02 / 0.19) / (std::sqrt(0.00031225 / 0.001999) + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
}

// The same moments without dividing by 1 - beta^t: the first step is larger by (0.05 / 0.0158) / 1 = 3.16.
TEST_F(OptimizerTest, AdamWithoutBiasCorrectionTakesTheStepsComputedByHand) {
  const auto adam = make_optimizer(store_, {.learning_rate = 0.1, .bias_correction = false});
  set_gradient(0.5, 0.0);
  adam->step(0);
  double expected = 2.0 - 0.1 * 0.05 / (std::sqrt(0.00025) + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
  set_gradient(-0.25, 0.0);
  adam->step(1);
  expected -= 0.1 * 0.02 / (std::sqrt(0.00031225) + 1e-8);
  EXPECT_NEAR(w_.value()[0], expected, 1e-14);
}

TEST_F(OptimizerTest, StepClearsTheGradients) {
  const auto sgd = make_optimizer(store_, {.kind = OptimizerKind::kSgd, .learning_rate = 0.1});
  set_gradient(1.0, 1.0);
  sgd->step(0);
  sgd->step(1);  // no gradient came: nothing moves
  EXPECT_NEAR(w_.value()[0], 1.9, 1e-15);
}

TEST_F(OptimizerTest, SlotsAreNamedAfterKindAndParameter) {
  using Names = std::vector<std::string>;
  const auto names = [&](const OptimizerSpec& spec) {
    Names all;
    for (const auto& slot : make_optimizer(store_, spec)->slots()) {
      EXPECT_EQ(slot.shape, std::vector<std::int64_t>{2});
      all.push_back(slot.name);
    }
    return all;
  };
  EXPECT_EQ(names({}), (Names{"adam.m.w", "adam.v.w"}));
  EXPECT_EQ(names({.kind = OptimizerKind::kAdamW}), (Names{"adam.m.w", "adam.v.w"}));
  EXPECT_EQ(names(kSgd), (Names{"sgd.velocity.w"}));
  EXPECT_EQ(names(kRmsprop), (Names{"rmsprop.square.w"}));
  EXPECT_EQ(names({.kind = OptimizerKind::kRmsprop, .momentum = 0.5}),
            (Names{"rmsprop.square.w", "rmsprop.velocity.w"}));
  EXPECT_EQ(names(kGraves), (Names{"rmsprop_graves.square.w", "rmsprop_graves.mean.w", "rmsprop_graves.change.w"}));
}

TEST_F(OptimizerTest, ThePredicateSeesNameAndShape) {
  store_.add("matrix", {4, 2}, init::zeros());
  std::vector<std::string> seen;
  make_optimizer(store_, {.weight_decay = 0.1, .exempt_from_decay = [&](std::string_view name, auto shape) {
                            seen.push_back(std::string(name) + std::to_string(shape.size()));
                            return false;
                          }});
  EXPECT_EQ(seen, (std::vector<std::string>{"w1", "matrix2"}));
}

TEST_F(OptimizerTest, ParametersAddedAfterwardsAreAnError) {
  const auto adam = make_optimizer(store_, {});
  store_.add("late", {3}, init::zeros());
  EXPECT_THROW(adam->step(0), Error);
}

TEST_F(OptimizerTest, ASpecThatMeansNothingIsNamed) {
  const auto expect_error = [&](const OptimizerSpec& spec, const std::string& field) {
    try {
      make_optimizer(store_, spec);
      ADD_FAILURE() << "no error for " << field;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(field), std::string::npos) << e.what();
    }
  };
  expect_error({.learning_rate = -1e-3}, "learning_rate is -0.001");
  expect_error({.learning_rate = std::numeric_limits<double>::infinity()}, "learning_rate");
  expect_error({.beta1 = 1.0}, "beta1");
  expect_error({.beta2 = -0.1}, "beta2");
  expect_error({.momentum = 1.5}, "momentum");
  expect_error({.alpha = std::nan("")}, "alpha");
  expect_error({.eps = -1.0}, "eps");
  expect_error({.weight_decay = -1.0}, "weight_decay");
  expect_error({.kind = OptimizerKind::kSgd, .nesterov = true}, "nesterov");
  expect_error({.kind = OptimizerKind::kRmsprop, .momentum = 0.5, .nesterov = true}, "nesterov");
}

}  // namespace
}  // namespace normlab::nn
