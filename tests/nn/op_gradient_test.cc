// Every op's backward against finite differences, in double: odd sizes, random cotangent, gains that differ.
#include <numeric>

#include "nn/ops/activation.h"
#include "nn/ops/batch_norm.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"
#include "nn/ops/weight_norm.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;

class OpGradient : public testing::TestWithParam<Shape> {
 protected:
  const Index features_ = GetParam().features, batch_ = GetParam().batch;
  Inputs in_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, OpGradient, testing::ValuesIn(kShapes), ShapeName);

TEST_P(OpGradient, Linear) {
  in_.normal("w", features_, 5).normal("x", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return linear(in_.on(t, "w"), in_.on(t, "x")); }));
}

TEST_P(OpGradient, AddBias) {
  in_.normal("a", features_, batch_).vector("b", features_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return add_bias(in_.on(t, "a"), in_.on(t, "b")); }));
}

TEST_P(OpGradient, Relu) {
  in_.away_from_zero("x", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return relu(in_.on(t, "x")); }));
}

TEST_P(OpGradient, LeakyRelu) {
  in_.away_from_zero("x", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return leaky_relu(in_.on(t, "x"), 0.1); }));
}

TEST_P(OpGradient, Sigmoid) {
  in_.normal("x", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return sigmoid(in_.on(t, "x")); }));
}

TEST_P(OpGradient, Tanh) {
  in_.normal("x", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return tanh(in_.on(t, "x")); }));
}

TEST_P(OpGradient, Abs) {
  in_.away_from_zero("x", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return abs(in_.on(t, "x")); }));
}

TEST_P(OpGradient, Gelu) {
  in_.normal("x", features_, batch_, 0.0, 2.0);
  for (const GeluForm form : {GeluForm::kErf, GeluForm::kTanh}) {
    EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return gelu(in_.on(t, "x"), form); }));
  }
}

TEST_P(OpGradient, LayerNorm) {
  in_.normal("a", features_, batch_).vector("gain", features_).vector("bias", features_);
  for (const NormEps eps : {NormEps{1e-5}, NormEps{0.1}, NormEps{0.1, EpsPlacement::kOutsideSqrt}}) {
    if (features_ > 1 || eps.placement == EpsPlacement::kInsideSqrt) {  // sqrt(0) has no derivative
      EXPECT_TRUE(GradientIsRight(
          in_, [&](DTape& t) { return layer_norm(in_.on(t, "a"), in_.on(t, "gain"), in_.on(t, "bias"), eps); }))
          << "eps " << eps.value;
    }
  }
}

TEST_P(OpGradient, RmsNorm) {
  in_.away_from_zero("a", features_, batch_).vector("gain", features_).vector("bias", features_);
  for (const NormEps eps : {NormEps{0.0}, NormEps{0.1}, NormEps{0.1, EpsPlacement::kOutsideSqrt}}) {
    EXPECT_TRUE(GradientIsRight(
        in_, [&](DTape& t) { return rms_norm(in_.on(t, "a"), in_.on(t, "gain"), in_.on(t, "bias"), eps); }))
        << "eps " << eps.value;
  }
}

TEST_P(OpGradient, BatchNorm) {
  in_.normal("a", features_, batch_).vector("gain", features_).vector("bias", features_);
  for (const NormEps eps : {NormEps{1e-2}, NormEps{0.1, EpsPlacement::kOutsideSqrt}}) {
    for (const bool unbiased : {false, true}) {
      if (batch_ > 1 || (!unbiased && eps.placement == EpsPlacement::kInsideSqrt)) {
        EXPECT_TRUE(
            GradientIsRight(in_,
                            [&](DTape& t) {
                              return batch_norm(in_.on(t, "a"), in_.on(t, "gain"), in_.on(t, "bias"), unbiased, eps).y;
                            }))
            << "eps " << eps.value << " unbiased " << unbiased;
      }
    }
  }
}

TEST_P(OpGradient, BatchNormWithGivenStatistics) {
  in_.normal("a", features_, batch_).vector("gain", features_).vector("bias", features_);
  const std::vector<double> mean(static_cast<std::size_t>(features_), 0.3), variance(mean.size(), 2.0);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    return batch_norm_with<double>({mean.data(), variance.data()}, in_.on(t, "a"), in_.on(t, "gain"),
                                   in_.on(t, "bias"));
  }));
}

TEST_P(OpGradient, WeightNorm) {
  in_.away_from_zero("v", features_, batch_).vector("gain", batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return weight_norm(in_.on(t, "v"), in_.on(t, "gain")); }));
}

TEST_P(OpGradient, SoftmaxCrossEntropy) {
  in_.normal("z", features_, batch_, 0.0, 2.0);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(batch_));
  for (std::size_t b = 0; b < labels.size(); ++b) {
    labels[b] = static_cast<std::int32_t>((7 * b + 2) % static_cast<std::size_t>(features_));
  }
  EXPECT_TRUE(GradientIsRight(
      in_, [&](DTape& t) { return softmax_cross_entropy(in_.on(t, "z"), std::span(std::as_const(labels))); }));
}

TEST_P(OpGradient, AddMulAndSum) {
  in_.normal("x", features_, batch_).normal("y", features_, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const BasicVar<double> x = in_.on(t, "x"), y = in_.on(t, "y");
    return sum(x * y + y * y);
  }));
}

TEST_P(OpGradient, ConcatRows) {
  in_.normal("x", features_, batch_).normal("y", 2, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const BasicVar<double> x = in_.on(t, "x");
    return concat_rows(concat_rows(x, in_.on(t, "y")), x);
  }));
}

TEST_P(OpGradient, SliceRows) {
  in_.normal("x", features_ + 2, batch_);
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const BasicVar<double> x = in_.on(t, "x");
    return mul(slice_rows(x, 0, features_), slice_rows(x, 2, features_));
  }));
}

// One Var as both inputs: the second contribution is added to the first.
TEST(OpGradientAliased, LinearOfItself) {
  Inputs in;
  in.normal("x", 3, 3);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const BasicVar<double> x = in.on(t, "x");
    return linear(x, x);
  }));
}

// A parameter used at two places gets the sum, whichever Var of it is used.
TEST(OpGradientAliased, ParameterUsedTwice) {
  Inputs in;
  in.normal("w", 3, 3).normal("x", 3, 2);
  EXPECT_TRUE(
      GradientIsRight(in, [&](DTape& t) { return linear(in.on(t, "w"), tanh(linear(in.on(t, "w"), in.on(t, "x")))); }));
}

}  // namespace
}  // namespace normlab::nn
