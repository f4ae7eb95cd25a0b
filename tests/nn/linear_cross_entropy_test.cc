// The output layer of many classes: against a linear layer and softmax_cross_entropy, whose gradients are checked by
// themselves, over several chunks of classes.
#include "nn/ops/linear_cross_entropy.h"

#include <gmock/gmock.h>

#include <cmath>

#include "nn/error.h"
#include "nn/ops/columns.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "tests/nn/float_testing.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;
using Labels = std::span<const std::int32_t>;

std::vector<std::int32_t> some_labels(Index batch, Index classes) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(batch));
  for (std::size_t b = 0; b < labels.size(); ++b) {
    labels[b] = static_cast<std::int32_t>((b * 7919 + 2) % static_cast<std::size_t>(classes));
  }
  return labels;
}

// 0, 0.5 or 1.
std::vector<double> some_weights(Index batch) {
  std::vector<double> weights(static_cast<std::size_t>(batch));
  for (std::size_t b = 0; b < weights.size(); ++b) {
    weights[b] = 0.5 * static_cast<double>((b + 1) % 3);
  }
  return weights;
}

class LinearCrossEntropy : public testing::TestWithParam<bool> {
 protected:
  // Whether weights, some of them 0, are given.
  bool weighted() const { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Weights, LinearCrossEntropy, testing::Bool(),
                         [](const auto& info) { return info.param ? "Given" : "LeftOut"; });

TEST_P(LinearCrossEntropy, GradientsAreRight) {
  for (const auto& [classes, batch] : {std::pair<Index, Index>{1, 1}, {5, 3}, {3, 17}, {100, 2}}) {
    Inputs in;
    in.normal("w", 3, classes).normal("x", 3, batch).vector("b", classes);
    const auto labels = some_labels(batch, classes);
    const auto weights = some_weights(batch);
    EXPECT_TRUE(GradientIsRight(in,
                                [&](DTape& t) {
                                  const OnTape<double> on{t, in.store()};
                                  const DVar weight = weighted() ? on.constant(weights, 1) : DVar();
                                  const DVar x = on("x");
                                  return linear_cross_entropy(on("w"), on("b"), x, Labels(labels), weight) +
                                         linear_cross_entropy(on("w"), on("b"), x * x, Labels(labels), weight) +
                                         linear_cross_entropy(on("w"), {}, x, Labels(labels), weight);
                                }))
        << classes << " classes";
  }
}

// Three chunks of classes, the last one short. A second use of each input, so that gradients add up.
constexpr Index kClasses = 1500, kBatch = 230, kIn = 40;

void add_large_inputs(Inputs& in) {
  in.normal("w", kIn, kClasses, 0.0, 0.3).normal("x", kIn, kBatch).vector("b", kClasses);
}

TEST_P(LinearCrossEntropy, IsALinearLayerAndItsLossInOne) {
  Inputs in;
  add_large_inputs(in);
  const auto labels = some_labels(kBatch, kClasses);
  const auto fused = values_and_gradients(in.store(), [&](DTape& t) {
    const OnTape<double> on{t, in.store()};
    const DVar x = on("x"), loss = linear_cross_entropy(on("w"), on("b"), x, Labels(labels),
                                                        weighted() ? on.constant(some_weights(kBatch), 1) : DVar());
    return loss * loss + sum(x) + sum(on("w"));
  });
  const auto composed = values_and_gradients(in.store(), [&](DTape& t) {
    const OnTape<double> on{t, in.store()};
    const DVar x = on("x"), logits = add_bias(linear(on("w"), x), on("b"));
    DVar loss = t.zeros(1, 1);
    for (Index b = 0; b < kBatch; ++b) {
      const std::vector<double> weight = {weighted() ? some_weights(kBatch)[static_cast<std::size_t>(b)]
                                                     : 1.0 / static_cast<double>(kBatch)};
      std::vector<double> only(kBatch, 0.0);
      only[static_cast<std::size_t>(b)] = 1.0;
      const DVar column = pack_columns(on.constant(only, 1), logits);
      loss = loss + softmax_cross_entropy(column, Labels(labels).subspan(static_cast<std::size_t>(b), 1)) *
                        on.constant(weight, 1);
    }
    return loss * loss + sum(x) + sum(on("w"));
  });
  ASSERT_EQ(fused.size(), composed.size());
  for (std::size_t i = 0; i < fused.size(); ++i) {
    ASSERT_NEAR(fused[i], composed[i], 1e-11 * std::max(1.0, std::abs(composed[i]))) << i;
  }
}

TEST_P(LinearCrossEntropy, FloatIsRight) {
  Inputs in;
  add_large_inputs(in);
  const auto labels = some_labels(kBatch, kClasses);
  ExpectFloatIsRight(
      in,
      [&](auto on) {
        const auto x = on("x");
        const auto weights = weighted() ? on.constant(some_weights(kBatch), 1) : decltype(x)();
        return linear_cross_entropy(on("w"), on("b"), x, Labels(labels), weights) +
               linear_cross_entropy(on("w"), on("b"), x * x, Labels(labels), weights);
      },
      1e-5);
}

// --- A floor under the probability ---

// Below and above a half, where the loss is computed in two ways.
TEST(LinearCrossEntropyFloor, LossAndGradientAreThoseOfTheFormula) {
  constexpr double kFloor = 0.02;
  for (const double margin : {-6.0, -1.0, 0.5, 3.0, 9.0}) {
    ParameterStore store(1);
    const std::vector<float> logits = {static_cast<float>(margin), 0.0f, -1.0f};
    std::copy(logits.begin(), logits.end(), store.add("w", {3, 1}, init::zeros()).value());
    const std::vector<std::int32_t> label = {0};
    const float one = 1.0f, weight = 3.0f;
    Tape tape;
    const Var loss = linear_cross_entropy(tape.parameter(store.at("w")), {}, tape.input("x", &one, 1, 1), Labels(label),
                                          tape.input("weight", &weight, 1, 1), kFloor);
    tape.backward(loss);
    double sum = 0.0;
    for (const float z : logits) {
      sum += std::exp(static_cast<double>(z));
    }
    const double p = std::exp(margin) / sum;
    EXPECT_NEAR(loss.scalar(), 3.0 * -std::log(p + kFloor), 3e-6) << margin;
    for (std::size_t c = 0; c < 3; ++c) {
      const double own = c == 0 ? 1.0 : 0.0;
      const double slope = 3.0 * p / (p + kFloor) * (std::exp(static_cast<double>(logits[c])) / sum - own);
      EXPECT_NEAR(store.at("w").gradient()[c], slope, 3e-6 * std::max(1.0, std::abs(slope))) << margin << ", " << c;
    }
  }
}

TEST_P(LinearCrossEntropy, GradientsWithAFloorAreRight) {
  for (const double floor : {1e-8, 0.05, 2.0}) {
    Inputs in;
    in.normal("w", 3, 7).normal("x", 3, 5).vector("b", 7);
    const auto labels = some_labels(5, 7);
    const auto weights = some_weights(5);
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
      const OnTape<double> on{t, in.store()};
      return linear_cross_entropy(on("w"), on("b"), on("x"), Labels(labels),
                                  weighted() ? on.constant(weights, 1) : DVar(), floor);
    })) << floor;
  }
}

TEST(LinearCrossEntropyFloor, BoundsTheLossAndItsGradient) {
  ParameterStore store(1);
  std::copy_n(std::vector<float>{-1000.0f, 1000.0f}.data(), 2, store.add("w", {2, 1}, init::zeros()).value());
  const std::vector<std::int32_t> label = {0};
  const float one = 1.0f;
  Tape tape;
  const Var loss =
      linear_cross_entropy(tape.parameter(store.at("w")), {}, tape.input("x", &one, 1, 1), Labels(label), {}, 1e-8);
  tape.backward(loss);
  EXPECT_NEAR(loss.scalar(), -std::log(1e-8), 1e-4);
  EXPECT_EQ(store.at("w").gradient()[0], 0.0f);
  EXPECT_EQ(store.at("w").gradient()[1], 0.0f);
}

// Padding: neither its values nor its labels are looked at.
TEST(LinearCrossEntropyPadding, MayBeAnything) {
  const std::vector<std::int32_t> labels = {1, -1, 2, 99}, own = {1, 2};
  const std::vector<double> weights = {1.0, 0.0, 2.0, 0.0};
  Inputs in;
  in.normal("w", 3, 5).normal("x", 3, 4);
  std::fill_n(in["x"].value() + 3, 3, std::nan(""));
  std::fill_n(in["x"].value() + 9, 3, std::nan(""));
  const auto padded = values_and_gradients(in.store(), [&](DTape& t) {
    const OnTape<double> on{t, in.store()};
    return linear_cross_entropy(on("w"), {}, on("x"), Labels(labels), on.constant(weights, 1));
  });
  const auto alone = values_and_gradients(in.store(), [&](DTape& t) {
    const OnTape<double> on{t, in.store()};
    return linear_cross_entropy(on("w"), {}, pack_columns(on.constant(weights, 1), on("x")), Labels(own),
                                on.constant({1.0, 2.0}, 1));
  });
  EXPECT_EQ(padded, alone);
  EXPECT_TRUE(std::isfinite(padded.front()));
}

// One example with label 0 whose logits are the weights: loss, and the gradient of the logits.
std::vector<float> loss_and_gradient(const std::vector<float>& logits) {
  const auto classes = static_cast<std::int64_t>(logits.size());
  ParameterStore store(1);
  std::copy(logits.begin(), logits.end(), store.add("w", {classes, 1}, init::zeros()).value());
  const std::vector<std::int32_t> label = {0};
  const float one = 1.0f;
  return values_and_gradients(store, [&](Tape& t) {
    return linear_cross_entropy(t.parameter(store.at("w")), {}, t.input("x", &one, 1, 1), Labels(label));
  });
}

TEST(LinearCrossEntropyFloat, TinyLossesKeepTheirPrecision) {
  for (const float margin : {5.0f, 16.0f, 23.0f, 46.0f, 80.0f}) {
    const std::vector<float> e = loss_and_gradient({margin, 0.0f, -1.0f});
    const double others = std::exp(-static_cast<double>(margin)) * (1.0 + std::exp(-1.0));
    const double upstream = std::sin(1.0);
    EXPECT_NEAR(e[0] / std::log1p(others), 1.0, 1e-5) << margin;
    EXPECT_NEAR(e[1] / (-upstream * others / (1.0 + others)), 1.0, 1e-5) << margin;
    EXPECT_NEAR(e[2] / (upstream * std::exp(-static_cast<double>(margin)) / (1.0 + others)), 1.0, 1e-5) << margin;
  }
}

TEST(LinearCrossEntropyFloat, LargeLogitsDoNotOverflowAndNaNShows) {
  const auto wrong = loss_and_gradient({-1000.0f, 1000.0f});
  EXPECT_EQ(wrong[0], 2000.0f);
  EXPECT_EQ(wrong[1], -wrong[2]);
  EXPECT_EQ(loss_and_gradient({3.0f})[0], 0.0f);
  for (const std::vector<float>& z : {std::vector<float>{NAN, 0.0f}, {0.0f, NAN}, {INFINITY, INFINITY}}) {
    EXPECT_TRUE(std::isnan(loss_and_gradient(z)[0]));
  }
}

// Without a way back no logits are kept, and the loss has the same bits.
TEST(LinearCrossEntropyMemory, OfAnEvaluationIsSmall) {
  ParameterStore store(1);
  Parameter& w = store.add("w", {20000, 8}, init::uniform(0.1));
  Parameter& x = store.add("x", {300, 8}, init::uniform(1.0));
  const auto labels = some_labels(300, 20000);
  Tape training, evaluation(Recording::kOff);
  const auto loss = [&](Tape& t) {
    return linear_cross_entropy(t.parameter(w), {}, t.parameter(x), Labels(labels)).scalar();
  };
  EXPECT_EQ(loss(training), loss(evaluation));
  EXPECT_GT(training.reserved_bytes(), 20000u * 300u * sizeof(float));
  EXPECT_LT(evaluation.reserved_bytes(), 20000u * 300u * sizeof(float) / 2);
}

class LinearCrossEntropyError : public testing::Test {
 protected:
  LinearCrossEntropyError() { in_.normal("w", 3, 5).normal("x", 3, 2).vector("b", 5); }

  void expect(const std::string& message, const char* weight, const char* bias, std::vector<std::int32_t> labels,
              std::vector<double> weights = {}) {
    DTape tape;
    const OnTape<double> on{tape, in_.store()};
    try {
      linear_cross_entropy(on(weight), on(bias), on("x"), Labels(labels),
                           weights.empty() ? DVar() : on.constant(weights, 1));
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::StartsWith("linear_cross_entropy: " + message));
    }
  }

  Inputs in_;
};

TEST_F(LinearCrossEntropyError, NamesTheLabelsAndWeights) {
  expect("'x' is 3 x 2 and there are 3 labels; expected one label a column", "w", "b", {0, 1, 2});
  expect("label 5 of column 1; expected 0 to 4, a column of 'w' (3 x 5)", "w", "b", {0, 5});
  expect("label -1 of column 0; expected 0 to 4", "w", "b", {-1, 5}, {1.0, 0.0});
  expect("'x' has no column with a weight other than 0", "w", "b", {0, 0}, {0.0, 0.0});
  const std::vector<std::int32_t> labels = {0, 1};
  for (const double floor : {-1.0, std::nan("")}) {
    DTape tape;
    const OnTape<double> on{tape, in_.store()};
    EXPECT_THROW(linear_cross_entropy(on("w"), on("b"), on("x"), Labels(labels), DVar(), floor), Error);
  }
  expect("'constant' is 1 x 3 and 'x' is 3 x 2; expected one row", "w", "b", {0, 0}, {1.0, 1.0, 1.0});
}

TEST_F(LinearCrossEntropyError, NamesTheShapes) {
  expect("'b' is 5 x 1 and 'x' is 3 x 2; expected as many rows", "b", "b", {0, 0});
  expect("'w' is 3 x 5 and 'x' is 3 x 2; expected a bias for each column of the weight", "w", "x", {0, 0});
}

}  // namespace
}  // namespace normlab::nn
