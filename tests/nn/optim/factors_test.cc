// Gradients that are kept as factors until an update multiplies them out: the bits are those of a product that is made
// at once, whoever asks and however.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/kernels/gemm.h"
#include "nn/layers/linear.h"
#include "nn/ops/linear.h"
#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn {
namespace {

using kernels::ForEachTarget;
using kernels::SameBits;
using kernels::Trans;
using kernels::Uniform;

constexpr std::array kKinds = {OptimizerKind::kAdam, OptimizerKind::kAdamW, OptimizerKind::kSgd,
                               OptimizerKind::kRmsprop, OptimizerKind::kRmspropGraves};

struct Shape {
  Index out, in;
};

// One weight and what it is multiplied with; every backward brings it sum_b dy_b x_b^T.
class Layer {
 public:
  Layer(Shape shape, Index batch) : shape_(shape), batch_(batch) {
    weight_ = &store_.add("w", {shape.out, shape.in}, init::torch_uniform());
    store_.add("bias", {shape.out}, init::constant(0.5));  // in the flat arrays too, and never with factors
  }

  void backward(std::uint32_t seed) {
    tape_.reset();
    x_ = Uniform(shape_.in * batch_, seed);
    dy_ = Uniform(shape_.out * batch_, seed + 1);
    const Var w = tape_.parameter(*weight_);
    tape_.backward(linear(w, tape_.input("x", x_.data(), shape_.in, batch_)), dy_.data());
  }
  // Adds the product of the last backward to `sum`, by gemm itself.
  void add_product(std::vector<float>& sum, bool accumulate) const {
    kernels::gemm(Trans::kYes, Trans::kNo, shape_.out, shape_.in, batch_, dy_.data(), shape_.out, x_.data(), shape_.in,
                  sum.data(), shape_.in, accumulate);
  }
  std::vector<float> product() const {
    std::vector<float> sum(static_cast<std::size_t>(shape_.out * shape_.in));
    add_product(sum, false);
    return sum;
  }
  std::vector<float> gradient() { return {weight_->gradient(), weight_->gradient() + weight_->size()}; }

  bool has_factors() const { return weight_->gradient_factors() != nullptr; }
  Parameter& weight() { return *weight_; }
  ParameterStore& store() { return store_; }
  Tape& tape() { return tape_; }
  std::vector<float>& x() { return x_; }

 private:
  Shape shape_;
  Index batch_;
  ParameterStore store_{1};
  Parameter* weight_;
  Tape tape_;
  std::vector<float> x_, dy_;
};

constexpr Index kMostFactors = 4;

enum class Seen { kAsFactors, kAsNumbers };

// Parameters and slots after three updates.
std::vector<float> train(Shape shape, Index batch, OptimizerKind kind, Seen seen) {
  Layer layer(shape, batch);
  const bool sgd = kind == OptimizerKind::kSgd;
  const auto optimizer = make_optimizer(
      layer.store(), {.kind = kind, .momentum = 0.5, .nesterov = sgd, .eps = 1e-3, .weight_decay = 0.01});
  for (std::uint32_t update = 0; update < 3; ++update) {
    layer.backward(17 * update + 1);
    EXPECT_EQ(layer.has_factors(), batch <= kMostFactors);
    if (seen == Seen::kAsNumbers) {
      EXPECT_TRUE(SameBits(layer.gradient(), layer.product()));
      EXPECT_FALSE(layer.has_factors());
    }
    optimizer->step(update, 0.75);
  }
  std::vector<float> bits;
  for (const auto& arrays : {layer.store().list_parameters(), optimizer->slots()}) {
    for (const NamedValues& a : arrays) {
      bits.insert(bits.end(), a.data, a.data + a.size);
    }
  }
  return bits;
}

// Rows of more and of less than a vector, whole vectors and not, several runs of an update; and few rows, for which
// gemm goes another way.
TEST(Factors, AnUpdateHasTheBitsOfOneThatReadsNumbers) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Shape shape : {Shape{150, 130}, {100, 96}, {20, 700}, {1100, 17}}) {
      for (Index batch = 1; batch <= 16; ++batch) {
        for (const OptimizerKind kind : kKinds) {
          ASSERT_TRUE(
              SameBits(train(shape, batch, kind, Seen::kAsFactors), train(shape, batch, kind, Seen::kAsNumbers)))
              << shape.out << " x " << shape.in << ", batch " << batch << ", optimizer " << static_cast<int>(kind);
        }
      }
    }
    for (const Shape shape : {Shape{7, 400}, {400, 5}}) {
      ASSERT_TRUE(SameBits(train(shape, 4, kKinds[0], Seen::kAsFactors), train(shape, 4, kKinds[0], Seen::kAsNumbers)));
    }
  });
}

TEST(Factors, AnyNumberOfThreadsGivesTheSameBits) {
  for (const Index batch : {1, 4, 16}) {
    std::vector<float> expected;
    for (const int threads : {1, 2, 3, 8}) {
      SetThreads(threads);
      for (const Seen seen : {Seen::kAsFactors, Seen::kAsNumbers}) {
        const std::vector<float> bits = train({300, 217}, batch, OptimizerKind::kAdam, seen);
        expected = expected.empty() ? bits : expected;
        EXPECT_TRUE(SameBits(bits, expected)) << threads << " threads";
      }
    }
  }
  SetThreads(1);
}

// A product costs less than factors that are larger than it, or that many examples bring.
TEST(Factors, AreKeptWhereTheyAreFew) {
  const auto kept = [](Shape shape, Index batch) {
    Layer layer(shape, batch);
    layer.backward(1);
    EXPECT_TRUE(SameBits(layer.gradient(), layer.product()));
    layer.store().clear_gradients();
    layer.backward(2);
    return layer.has_factors();
  };
  EXPECT_TRUE(kept({150, 130}, kMostFactors));
  EXPECT_FALSE(kept({150, 130}, kMostFactors + 1));
  EXPECT_TRUE(kept({4, 12}, 3));
  EXPECT_FALSE(kept({4, 12}, 4));
}

TEST(Factors, OutliveTheTapeAndItsInputs) {
  Layer layer({30, 40}, 3);
  layer.backward(1);
  const std::vector<float> expected = layer.product();
  std::fill(layer.x().begin(), layer.x().end(), 1e9f);
  layer.tape().reset();
  float* const reused = layer.tape().scratch(1 << 16);
  std::fill_n(reused, 1 << 16, 1e9f);
  ASSERT_TRUE(layer.has_factors());
  EXPECT_TRUE(SameBits(layer.gradient(), expected));
}

// Gradients add up over steps: the first becomes numbers when the second comes.
TEST(Factors, ASecondContributionIsAddedToTheProduct) {
  Layer layer({30, 40}, 3);
  layer.backward(1);
  std::vector<float> expected = layer.product();
  layer.backward(2);
  layer.add_product(expected, true);
  EXPECT_FALSE(layer.has_factors());
  EXPECT_TRUE(SameBits(layer.gradient(), expected));
}

TEST(Factors, AreNumbersForWhoeverAsks) {
  Layer layer({30, 40}, 3);
  const auto again = [&] {
    layer.store().clear_gradients();
    EXPECT_FALSE(layer.has_factors());
    std::fill_n(layer.weight().gradient_memory(), layer.weight().size(), 1e9f);  // left over
    layer.backward(1);
    EXPECT_TRUE(layer.has_factors());
    return layer.product();
  };
  std::vector<float> expected = again();
  const float* all = layer.store().gradients();
  EXPECT_TRUE(SameBits({all, all + expected.size()}, expected));

  expected = again();
  const float* of_var = layer.tape().parameter(layer.weight()).grad();
  EXPECT_TRUE(SameBits({of_var, of_var + expected.size()}, expected));

  expected = again();
  double squares = 0.0;
  for (const float g : expected) {
    squares += double{g} * g;
  }
  const auto clipped = clip_gradients(layer.store(), {.kind = ClipKind::kGlobalNorm, .limit = 1.0});
  EXPECT_NEAR(*clipped.norm, std::sqrt(squares), 1e-9 * *clipped.norm);

  expected = again();
  const std::array<std::int32_t, 1> column = {2};
  layer.tape().parameter(layer.weight()).grad_columns(column)[2 * 40 + 5] += 1.0f;
  expected[2 * 40 + 5] += 1.0f;
  EXPECT_TRUE(SameBits(layer.gradient(), expected));
}

TEST(Factors, AreGoneAfterAStep) {
  Layer layer({30, 40}, 3);
  const auto sgd = make_optimizer(layer.store(), {.kind = OptimizerKind::kSgd, .learning_rate = 0.1});
  layer.backward(1);
  sgd->step(0);
  const std::vector<float> after(layer.weight().value(), layer.weight().value() + 30 * 40);
  sgd->step(1);  // no gradient came: nothing moves
  EXPECT_TRUE(SameBits(after, {layer.weight().value(), layer.weight().value() + 30 * 40}));
  EXPECT_TRUE(SameBits(layer.gradient(), std::vector<float>(30 * 40, 0.0f)));
}

// What few columns brought is cleared when all of the gradient is multiplied out.
TEST(Factors, FollowAGradientOfFewColumns) {
  Layer layer({30, 40}, 3);
  const std::array<std::int32_t, 2> columns = {2, 7};
  layer.tape().parameter(layer.weight()).grad_columns(columns)[7 * 40] = 3.0f;
  layer.store().clear_gradients();
  layer.backward(1);
  EXPECT_TRUE(layer.has_factors());
  EXPECT_TRUE(SameBits(layer.gradient(), layer.product()));
  layer.store().clear_gradients();
  layer.tape().parameter(layer.weight()).grad_columns(columns)[7 * 40] += 3.0f;
  std::vector<float> expected(30 * 40, 0.0f);
  expected[7 * 40] = 3.0f;
  EXPECT_TRUE(SameBits(layer.gradient(), expected));
}

// The weight that is multiplied is not the parameter: nothing can be kept.
TEST(Factors, AreNotOfANormalisedWeight) {
  ParameterStore store(1);
  Linear layer(Scope(store), 40, 30, {.kind = WeightNorm{}});
  const std::vector<float> x = Uniform(40 * 3, 1), dy = Uniform(30 * 3, 2);
  Tape tape;
  tape.backward(layer(tape.input("x", x.data(), 40, 3), {}), dy.data());
  EXPECT_EQ(store.at("weight").gradient_factors(), nullptr);
  EXPECT_NE(*store.at("weight").gradient(), 0.0f);
}

}  // namespace
}  // namespace normlab::nn
