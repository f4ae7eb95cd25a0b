// Fused = composed: each normalization and the loss, in double, against the same formula put together from primitive
// ops. Values and all gradients agree to rounding, so the fused backwards are those of the formulas as written.
#include <numeric>
#include <utility>

#include "nn/ops/batch_norm.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/weight_norm.h"
#include "tests/nn/op_testing.h"
#include "tests/nn/primitive_ops.h"

namespace normlab::nn {
namespace {

using primitive::DVar;
using DTape = BasicTape<double>;

// (x - mean) / s over each column, with the variance divided by rows - less.
DVar normalize_columns(DVar x, bool center, double less, NormEps eps) {
  const auto n = static_cast<double>(x.rows());
  if (center) {
    x = primitive::sub(x, primitive::repeat_row(primitive::scale(primitive::column_sum(x), 1.0 / n), x.rows()));
  }
  const DVar variance = primitive::scale(primitive::column_sum(x * x), 1.0 / (n - less));
  const DVar inverse = eps.placement == EpsPlacement::kInsideSqrt ? primitive::inv_sqrt(variance, eps.value)
                                                                  : primitive::inv_of_sqrt_plus(variance, eps.value);
  return x * primitive::repeat_row(inverse, x.rows());
}

DVar affine(DVar n, DVar gain, DVar bias) {
  return primitive::repeat_column(gain, n.cols()) * n + primitive::repeat_column(bias, n.cols());
}

void ExpectSame(Inputs& in, const Differentiable& fused, const Differentiable& composed) {
  const std::vector<double> a = values_and_gradients(in.store(), fused), b = values_and_gradients(in.store(), composed);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i], b[i], 1e-11 * std::max(1.0, std::abs(b[i]))) << "value or gradient " << i;
  }
}

const std::vector<NormEps> kEps = {{1e-5}, {0.1}, {0.1, EpsPlacement::kOutsideSqrt}};

class Composed : public testing::TestWithParam<Shape> {
 protected:
  Composed() { in_.normal("a", features_, batch_).vector("gain", features_).vector("bias", features_); }
  const Index features_ = GetParam().features, batch_ = GetParam().batch;
  Inputs in_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, Composed, testing::Values(Shape{3, 1}, Shape{3, 3}, Shape{17, 5}, Shape{5, 17}),
                         ShapeName);

TEST_P(Composed, LayerNorm) {
  for (const NormEps eps : kEps) {
    ExpectSame(
        in_, [&](DTape& t) { return layer_norm(in_.on(t, "a"), in_.on(t, "gain"), in_.on(t, "bias"), eps); },
        [&](DTape& t) {
          return affine(normalize_columns(in_.on(t, "a"), true, 0.0, eps), in_.on(t, "gain"), in_.on(t, "bias"));
        });
  }
}

TEST_P(Composed, RmsNorm) {
  for (const NormEps eps : kEps) {
    ExpectSame(
        in_, [&](DTape& t) { return rms_norm(in_.on(t, "a"), in_.on(t, "gain"), in_.on(t, "bias"), eps); },
        [&](DTape& t) {
          return affine(normalize_columns(in_.on(t, "a"), false, 0.0, eps), in_.on(t, "gain"), in_.on(t, "bias"));
        });
  }
}

TEST_P(Composed, BatchNorm) {
  for (const NormEps eps : kEps) {
    for (const bool unbiased : {false, true}) {
      if (batch_ == 1) {
        continue;  // no variance over one example: its gradient is checked in op_gradient_test.cc
      }
      ExpectSame(
          in_,
          [&](DTape& t) { return batch_norm(in_.on(t, "a"), in_.on(t, "gain"), in_.on(t, "bias"), unbiased, eps).y; },
          [&](DTape& t) {
            const DVar by_unit = primitive::transpose(in_.on(t, "a"));
            const DVar n = primitive::transpose(normalize_columns(by_unit, true, unbiased ? 1.0 : 0.0, eps));
            return affine(n, in_.on(t, "gain"), in_.on(t, "bias"));
          });
    }
  }
}

TEST_P(Composed, WeightNorm) {
  Inputs in;
  in.normal("v", features_, batch_).vector("gain", batch_);
  ExpectSame(
      in, [&](DTape& t) { return weight_norm(in.on(t, "v"), in.on(t, "gain")); },
      [&](DTape& t) {
        const DVar v = in.on(t, "v");
        const DVar length = primitive::inv_sqrt(primitive::column_sum(v * v), 0.0);
        return v * primitive::repeat_row(length * primitive::transpose(in.on(t, "gain")), v.rows());
      });
}

TEST_P(Composed, SoftmaxCrossEntropy) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(batch_), 1);
  std::vector<double> onehot(static_cast<std::size_t>(features_ * batch_), 0.0);
  for (Index b = 0; b < batch_; ++b) {
    onehot[static_cast<std::size_t>(b * features_ + 1)] = 1.0;
  }
  ExpectSame(
      in_, [&](DTape& t) { return softmax_cross_entropy(in_.on(t, "a"), std::span(std::as_const(labels))); },
      [&](DTape& t) {
        const DVar z = in_.on(t, "a");
        const DVar total = sum(primitive::log(primitive::column_sum(primitive::exp(z))));
        const DVar chosen = sum(z * t.input("onehot", onehot.data(), features_, batch_));
        return primitive::scale(primitive::sub(total, chosen), 1.0 / static_cast<double>(batch_));
      });
}

TEST(Primitives, HaveRightGradients) {
  Inputs in;
  in.normal("x", 3, 4).vector("v", 3);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar x = in.on(t, "x"), v = in.on(t, "v");
    const DVar positive = primitive::repeat_column(primitive::exp(v), 4);
    return primitive::transpose(primitive::log(positive) * x + primitive::inv_sqrt(positive, 0.3) +
                                primitive::inv_of_sqrt_plus(positive, 0.2)) *
           primitive::repeat_row(primitive::column_sum(primitive::transpose(x * x)), 4);
  }));
}

}  // namespace
}  // namespace normlab::nn
