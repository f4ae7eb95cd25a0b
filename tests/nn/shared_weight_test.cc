// One weight at many time steps: the gradient that is computed at once for all of them.
#include "nn/layers/shared_weight.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "nn/error.h"
#include "nn/layers/linear.h"
#include "nn/layers/shared_linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

const Step kTrain{};

class SharedWeightGradient : public testing::TestWithParam<NormKind> {
 protected:
  SharedWeightGradient() : layer_(BasicScope<double>(in_.store()), 3, 3, {.kind = GetParam()}) {
    in_.normal("x", 3, 4).normal("y", 3, 2).normal("sequence", 3, 12);
  }
  DVar on(DTape& t, const std::string& name) { return in_.on(t, name); }

  Inputs in_;
  BasicSharedLinear<double> layer_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, SharedWeightGradient, testing::Values(NoNorm{}, LayerNorm{}, WeightNorm{}),
                         [](const auto& info) { return "Kind" + std::to_string(info.param.index()); });

TEST_P(SharedWeightGradient, OfOneUse) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return tanh(layer_(on(t, "x"), kTrain)); }));
}

TEST_P(SharedWeightGradient, OfUsesBehindEachOther) {
  EXPECT_TRUE(GradientIsRight(
      in_, [&](DTape& t) { return layer_(tanh(layer_(tanh(layer_(on(t, "x"), kTrain)), kTrain)), kTrain); }));
}

TEST_P(SharedWeightGradient, OfUsesBesideEachOther) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const DVar a = layer_(on(t, "x"), kTrain), b = layer_(on(t, "y"), kTrain), c = layer_(on(t, "x"), kTrain);
    return join_columns<double>(std::vector<DVar>{a * c, b});
  }));
}

TEST_P(SharedWeightGradient, OfAWholeSequenceCutIntoSteps) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const auto steps = split_columns(layer_(on(t, "sequence"), kTrain), 3);
    return tanh(layer_(steps[0] * steps[2], kTrain));
  }));
}

TEST_P(SharedWeightGradient, WithUsesThatNothingDependsOn) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    poison(t);
    layer_(on(t, "y"), kTrain);
    const DVar used = layer_(on(t, "x"), kTrain);
    layer_(on(t, "sequence"), kTrain);
    const DVar also = layer_(used, kTrain);
    layer_(on(t, "y"), kTrain);
    return also + used;
  }));
}

// Two weights whose products are put onto each other, as in a recurrent layer: with 2 inputs their gradients are one
// product, with 6, more than the outputs together with the state, they are two.
class WeightsThatShareGradients : public testing::TestWithParam<std::tuple<NormKind, Index>> {
 protected:
  static constexpr Index kUnits = 3, kOut = 6, kBatch = 2;

  WeightsThatShareGradients()
      : scope_(in_.store()),
        recurrent_(scope_ / "recurrent", kUnits, kOut, {.kind = std::get<0>(GetParam())}),
        input_(scope_ / "input", inputs(), kOut, {.kind = std::get<0>(GetParam())}) {
    input_.share_gradients_with(recurrent_);
    in_.normal("h", kUnits, kBatch).normal("x", inputs(), 3 * kBatch);
  }
  Index inputs() const { return std::get<1>(GetParam()); }

  DVar step(DVar x, DVar h) { return slice_rows(tanh(recurrent_.product_onto(input_.product(x), h)), 1, kUnits); }

  Inputs in_;
  BasicScope<double> scope_;
  BasicSharedLinear<double> recurrent_, input_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, WeightsThatShareGradients,
                         testing::Combine(testing::Values(NoNorm{}, WeightNorm{}), testing::Values(2, 6)),
                         [](const auto& info) {
                           return "Kind" + std::to_string(std::get<0>(info.param).index()) + "Inputs" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST_P(WeightsThatShareGradients, OverSteps) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    DVar h = in_.on(t, "h");
    for (const DVar x : split_columns(in_.on(t, "x"), 3)) {
      h = step(x, h);
    }
    return h;
  }));
}

TEST_P(WeightsThatShareGradients, WithAStepThatNothingDependsOn) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    poison(t);
    const auto x = split_columns(in_.on(t, "x"), 3);
    const DVar h = step(x[0], in_.on(t, "h"));
    step(x[1], h);
    return step(x[2], h);
  }));
}

TEST_P(WeightsThatShareGradients, WithNothingButTheFirstStepUsed) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    poison(t);
    const auto x = split_columns(in_.on(t, "x"), 3);
    const DVar h = step(x[0], in_.on(t, "h"));
    step(x[1], h);
    return h;
  }));
}

TEST_P(WeightsThatShareGradients, WithAnExtraUseOfOne) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const auto x = split_columns(in_.on(t, "x"), 3);
    const DVar h = step(x[1], step(x[0], in_.on(t, "h")));
    return step(x[2], h) + slice_rows(input_.product(x[1]), 0, kUnits);
  }));
}

// More columns than are copied together, in steps of which some are wide enough to stand alone: the gradients of the
// shared weights are those of plain products.
class OverManyColumns : public testing::TestWithParam<std::tuple<Index, std::vector<Index>>> {
 protected:
  static constexpr Index kUnits = 3, kOut = 6;

  OverManyColumns()
      : identity_(make_normalizer<double>({.affine = {.bias = false}}, BasicScope<double>(unused_.store()), {kOut})) {
    in_.normal("recurrent", kUnits, kOut).normal("input", inputs(), kOut);
    for (std::size_t t = 0; t < steps().size(); ++t) {
      in_.normal("h" + std::to_string(t), kUnits, steps()[t]).normal("x" + std::to_string(t), inputs(), steps()[t]);
    }
  }
  Index inputs() const { return std::get<0>(GetParam()); }
  const std::vector<Index>& steps() const { return std::get<1>(GetParam()); }

  // Both weights' gradients, where sums(x, h) are a step's products.
  template <typename Sums>
  std::vector<double> gradients(DTape& t, Sums sums) {
    std::vector<DVar> all;
    for (std::size_t k = 0; k < steps().size(); ++k) {
      all.push_back(tanh(sums(in_.on(t, "x" + std::to_string(k)), in_.on(t, "h" + std::to_string(k)))));
    }
    in_.store().clear_gradients();
    t.backward(sum(join_columns<double>(all)));
    std::vector<double> values;
    for (const char* name : {"recurrent", "input"}) {
      values.insert(values.end(), in_[name].gradient(), in_[name].gradient() + in_[name].size());
    }
    return values;
  }

  Inputs in_, unused_;
  std::unique_ptr<BasicNormalizer<double>> identity_;
};
INSTANTIATE_TEST_SUITE_P(Steps, OverManyColumns,
                         testing::Combine(testing::Values(2, 6),
                                          testing::Values(std::vector<Index>{300, 300, 300, 300, 300, 300},
                                                          std::vector<Index>{5, 1500, 7, 2000, 1030},
                                                          std::vector<Index>{1024, 1024, 3})));

TEST_P(OverManyColumns, GradientsAreThoseOfPlainProducts) {
  DTape plain;
  const std::vector<double> expected = gradients(
      plain, [&](DVar x, DVar h) { return linear(in_.on(plain, "recurrent"), h) + linear(in_.on(plain, "input"), x); });
  BasicSharedWeight<double> recurrent(in_["recurrent"], *identity_), input(in_["input"], *identity_);
  input.share_gradients_with(recurrent);
  DTape tape;
  const std::vector<double> measured = gradients(tape, [&](DVar x, DVar h) { return recurrent.onto(input(x), h); });
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(measured[i], expected[i], 1e-9) << i;
  }
}

// The same weight through another door in the same pass: contributions add up.
TEST(SharedWeight, AddsToTheParametersGradient) {
  Inputs in;
  in.normal("x", 3, 4).normal("w", 3, 3);
  Inputs unused;
  const auto identity = make_normalizer<double>({.affine = {.bias = false}}, BasicScope<double>(unused.store()), {3});
  BasicSharedWeight<double> shared(in["w"], *identity);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar w = in.on(t, "w");
    return linear(w, tanh(shared(linear(w, shared(in.on(t, "x"))))));
  }));
}

// A product's gradient is also that of what it was put onto, and is read again for the weight at the end: who adds to it in between
// does so in a copy.
TEST(SharedWeight, OntoABaseWhoseGradientChanges) {
  Inputs in;
  in.normal("x", 3, 4).normal("w", 3, 3);
  Inputs unused;
  const auto identity = make_normalizer<double>({.affine = {.bias = false}}, BasicScope<double>(unused.store()), {3});
  BasicSharedWeight<double> shared(in["w"], *identity);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar x = in.on(t, "x"), first = shared(x), base = x + x, other = base + x;
    return tanh(shared.onto(base, x)) * other * first;
  }));
}

TEST(SharedWeight, AgreesWithALinearLayerInFloat) {
  ParameterStore one(1), two(1);
  SharedLinear shared(Scope(one), 37, 65, {});
  Linear plain(Scope(two), 37, 65, {});
  std::vector<float> x(37 * 50);
  Rng rng(3, "x");
  std::generate(x.begin(), x.end(), [&] { return static_cast<float>(rng.Normal()); });
  Tape tape;
  const Var in = tape.input("x", x.data(), 37, 50);
  const Var a = shared(in, kTrain), b = plain(in, kTrain);
  for (Index i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a.data()[i], b.data()[i], 1e-5f);
  }
}

// The weight is packed anew after reset(), and only then: what an optimizer changes is seen in the next step.
TEST(SharedWeight, SeesNewValuesAfterReset) {
  ParameterStore store(1);
  SharedLinear layer(Scope(store), 1, 1, {}, init::constant(2.0));
  const float x = 3.0f;
  Tape tape;
  for (const float w : {2.0f, 5.0f}) {
    *store.at("weight").value() = w;
    tape.reset();
    EXPECT_EQ(layer(tape.input("x", &x, 1, 1), kTrain).scalar(), 3.0f * w);
    EXPECT_EQ(layer(tape.input("x", &x, 1, 1), kTrain).scalar(), 3.0f * w);
  }
}

TEST(SharedWeight, NamesShapesThatDoNotFit) {
  ParameterStore store(1);
  SharedLinear layer(Scope(store), 3, 5, {});
  Tape tape;
  EXPECT_THROW(layer(tape.zeros(4, 2), kTrain), Error);
}

}  // namespace
}  // namespace normlab::nn
