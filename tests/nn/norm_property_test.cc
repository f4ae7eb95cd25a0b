// What the normalizations promise beyond their formulas: edge cases, numerical range, and the invariances of the
// paper's Table 1 that hold at eps = 0.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "nn/ops/batch_norm.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/linear.h"
#include "nn/ops/weight_norm.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

template <typename T>
std::vector<T> values_of(BasicVar<T> v) {
  return std::vector<T>(v.data(), v.data() + v.size());
}

template <typename T>
void expect_near(const std::vector<T>& a, const std::vector<T>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i], b[i], tolerance) << i;
  }
}

// --- Zero variance ---

template <typename T>
class ConstantColumn : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ConstantColumn, Scalars);

// A recurrent network starts here: LN(W h) with h = 0.
TYPED_TEST(ConstantColumn, GivesTheBiasAndAFiniteGradient) {
  using T = TypeParam;
  for (const EpsPlacement place : {EpsPlacement::kInsideSqrt, EpsPlacement::kOutsideSqrt}) {
    for (const double value : {0.0, 5.0}) {
      BasicParameterStore<T> store(1);
      BasicTape<T> tape;
      BasicParameter<T>& a = store.add("a", {2, 17}, init::constant(value));
      BasicParameter<T>& gain = store.add("gain", {17}, init::glorot_uniform());
      BasicParameter<T>& bias = store.add("bias", {17}, init::glorot_uniform());
      const BasicVar<T> y = layer_norm(tape.parameter(a), tape.parameter(gain), tape.parameter(bias), {1e-5, place});
      for (Index i = 0; i < 34; ++i) {
        EXPECT_EQ(y.data()[i], bias.value()[i % 17]);
      }
      std::vector<T> cotangent(34);
      for (std::size_t i = 0; i < cotangent.size(); ++i) {
        cotangent[i] = static_cast<T>(std::sin(static_cast<double>(i)));
      }
      tape.backward(y, cotangent.data());
      double largest = 0.0;
      for (Index i = 0; i < 34; ++i) {
        ASSERT_TRUE(std::isfinite(a.gradient()[i]));
        largest = std::max(largest, std::abs(static_cast<double>(a.gradient()[i])));
      }
      EXPECT_GT(largest, 1.0);  // about 1 / sqrt(eps) = 316 times the upstream gradient, not 0
    }
  }
}

TYPED_TEST(ConstantColumn, BatchNormOfOneExampleGivesTheBias) {
  using T = TypeParam;
  BasicParameterStore<T> store(1);
  BasicTape<T> tape;
  BasicParameter<T>& a = store.add("a", {1, 17}, init::glorot_uniform());
  BasicParameter<T>& gain = store.add("gain", {17}, init::constant(1.0));
  BasicParameter<T>& bias = store.add("bias", {17}, init::glorot_uniform());
  const auto y = batch_norm(tape.parameter(a), tape.parameter(gain), tape.parameter(bias), false).y;
  for (Index i = 0; i < 17; ++i) {
    EXPECT_EQ(y.data()[i], bias.value()[i]);
  }
}

// --- Large mean: E[a^2] - E[a]^2 has nothing left here in float, where 1e8 and 1 share no digits ---

TEST(LargeMean, LayerAndBatchNormInFloatFollowDouble) {
  constexpr Index kUnits = 257, kBatch = 33;
  ParameterStore narrow(1);
  BasicParameterStore<double> wide(1);
  const Initializer far = [](Rng& rng, Fans, std::span<double> values) {
    for (double& v : values) {
      v = static_cast<float>(1e4 + rng.Normal());
    }
  };
  Parameter& a = narrow.add("a", {kBatch, kUnits}, far);
  BasicParameter<double>& exact_a = wide.add("a", {kBatch, kUnits}, far);
  const auto run = [](auto& tape, auto& store, auto& input, bool layer) {
    const std::string name = layer ? "layer" : "batch";
    const auto gain = tape.parameter(store.add(name + ".gain", {kUnits}, init::constant(1.0)));
    const auto bias = tape.parameter(store.add(name + ".bias", {kUnits}, init::zeros()));
    const auto x = tape.parameter(input);
    return layer ? layer_norm(x, gain, bias) : batch_norm(x, gain, bias, false).y;
  };
  for (const bool layer : {true, false}) {
    Tape tape(Recording::kOff);
    DTape exact_tape(Recording::kOff);
    const Var y = run(tape, narrow, a, layer);
    const DVar exact = run(exact_tape, wide, exact_a, layer);
    for (Index i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(y.data()[i], exact.data()[i], 2e-3) << (layer ? "layer" : "batch") << " " << i;
    }
  }
}

// --- Independence and invariance ---

class Invariance : public testing::Test {
 protected:
  static constexpr Index kIn = 6, kOut = 5, kBatch = 7;
  Invariance() { in_.normal("w", kIn, kOut).normal("x", kIn, kBatch).vector("gain", kOut).vector("bias", kOut); }

  using Norm = std::function<DVar(DVar w, DVar x, DVar gain, DVar bias)>;
  std::vector<double> output(const Norm& norm) {
    DTape tape(Recording::kOff);
    return values_of(norm(in_.on(tape, "w"), in_.on(tape, "x"), in_.on(tape, "gain"), in_.on(tape, "bias")));
  }
  // Whether `change` of the inputs leaves the output as it is; restores the inputs.
  bool invariant(const Norm& norm, const std::function<void(double* w, double* x)>& change) {
    const std::vector<double> before = output(norm);
    double *w = in_["w"].value(), *x = in_["x"].value();
    const std::vector<double> old_w(w, w + kIn * kOut), old_x(x, x + kIn * kBatch);
    change(w, x);
    const std::vector<double> after = output(norm);
    std::copy(old_w.begin(), old_w.end(), w);
    std::copy(old_x.begin(), old_x.end(), x);
    double largest = 0.0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      largest = std::max(largest, std::abs(after[i] - before[i]));
    }
    EXPECT_TRUE(largest < 1e-12 || largest > 1e-2) << "neither the same nor different: " << largest;
    return largest < 1e-12;
  }

  static DVar layer(DVar w, DVar x, DVar gain, DVar bias) { return layer_norm(linear(w, x), gain, bias, {0.0}); }
  static DVar batch(DVar w, DVar x, DVar gain, DVar bias) {
    return batch_norm(linear(w, x), gain, bias, false, {0.0}).y;
  }
  static DVar weight(DVar w, DVar x, DVar gain, DVar bias) { return add_bias(linear(weight_norm(w, gain), x), bias); }

  Inputs in_;
};

TEST_F(Invariance, RescalingTheWeightMatrix) {
  const auto change = [](double* w, double*) {
    std::transform(w, w + kIn * kOut, w, [](double v) { return 3.0 * v; });
  };
  EXPECT_TRUE(invariant(layer, change));
  EXPECT_TRUE(invariant(batch, change));
  EXPECT_TRUE(invariant(weight, change));
}

TEST_F(Invariance, RecentringTheWeightMatrix) {  // the same vector is added to every unit's weights
  const auto change = [](double* w, double*) {
    for (Index i = 0; i < kIn * kOut; ++i) {
      w[i] += static_cast<double>(i % kIn);
    }
  };
  EXPECT_TRUE(invariant(layer, change));
  EXPECT_FALSE(invariant(batch, change));
  EXPECT_FALSE(invariant(weight, change));
}

TEST_F(Invariance, RescalingOneUnitsWeights) {
  const auto change = [](double* w, double*) { std::transform(w, w + kIn, w, [](double v) { return 3.0 * v; }); };
  EXPECT_FALSE(invariant(layer, change));
  EXPECT_TRUE(invariant(batch, change));
  EXPECT_TRUE(invariant(weight, change));
}

TEST_F(Invariance, RescalingTheData) {
  const auto change = [](double*, double* x) {
    std::transform(x, x + kIn * kBatch, x, [](double v) { return 3.0 * v; });
  };
  EXPECT_TRUE(invariant(layer, change));
  EXPECT_TRUE(invariant(batch, change));
  EXPECT_FALSE(invariant(weight, change));
}

TEST_F(Invariance, RecentringTheData) {
  const auto change = [](double*, double* x) {
    for (Index i = 0; i < kIn * kBatch; ++i) {
      x[i] += static_cast<double>(i % kIn);
    }
  };
  EXPECT_FALSE(invariant(layer, change));
  EXPECT_TRUE(invariant(batch, change));
  EXPECT_FALSE(invariant(weight, change));
}

TEST_F(Invariance, RescalingOneExample) {
  const auto change = [](double*, double* x) { std::transform(x, x + kIn, x, [](double v) { return 3.0 * v; }); };
  EXPECT_TRUE(invariant(layer, change));
  EXPECT_FALSE(invariant(batch, change));
  EXPECT_FALSE(invariant(weight, change));
}

// With the default eps the invariance is broken by eps / variance alone: here variances are above 0.1.
TEST_F(Invariance, HoldsNearlyAtTheDefaultEps) {
  const Norm norm = [](DVar w, DVar x, DVar gain, DVar bias) { return layer_norm(linear(w, x), gain, bias); };
  const std::vector<double> before = output(norm);
  std::transform(in_["w"].value(), in_["w"].value() + kIn * kOut, in_["w"].value(), [](double v) { return 3.0 * v; });
  expect_near(output(norm), before, 1e-4 * 4.0);
}

TEST(LayerNorm, AnExampleDoesNotSeeTheOthers) {
  Inputs in;
  in.normal("all", 17, 5).vector("gain", 17).vector("bias", 17);
  DTape tape(Recording::kOff);
  const DVar gain = in.on(tape, "gain"), bias = in.on(tape, "bias"), all = in.on(tape, "all");
  const std::vector<double> together = values_of(layer_norm(all, gain, bias));
  for (Index b = 0; b < 5; ++b) {
    const std::vector<double> alone = values_of(layer_norm(tape.input("one", all.data() + 17 * b, 17, 1), gain, bias));
    EXPECT_EQ(alone, std::vector<double>(together.begin() + 17 * b, together.begin() + 17 * (b + 1)));
  }
}

TEST(BatchNorm, WithTheBatchsOwnStatisticsIsTraining) {
  for (const bool unbiased : {false, true}) {
    Inputs in;
    in.normal("a", 5, 9).vector("gain", 5).vector("bias", 5);
    DTape tape(Recording::kOff);
    const DVar a = in.on(tape, "a"), gain = in.on(tape, "gain"), bias = in.on(tape, "bias");
    const auto [train, statistics] = batch_norm(a, gain, bias, unbiased);
    EXPECT_EQ(values_of(batch_norm_with(statistics, a, gain, bias)), values_of(train));
  }
}

// The paper's choice at batch 4: the unbiased variance is 4/3 of the biased one.
TEST(BatchNorm, UnbiasedVarianceOfFourIsFourThirds) {
  Inputs in;
  in.normal("a", 5, 4).vector("gain", 5).vector("bias", 5);
  DTape tape(Recording::kOff);
  const DVar a = in.on(tape, "a"), gain = in.on(tape, "gain"), bias = in.on(tape, "bias");
  const auto biased = batch_norm(a, gain, bias, false).batch, unbiased = batch_norm(a, gain, bias, true).batch;
  for (Index i = 0; i < 5; ++i) {
    EXPECT_NEAR(unbiased.variance[i] / biased.variance[i], 4.0 / 3.0, 1e-14);
    EXPECT_EQ(unbiased.mean[i], biased.mean[i]);
  }
}

}  // namespace
}  // namespace normlab::nn
