// Penalties of pairs and the loss of ranking them: against their definitions, in double and in float.
#include "nn/ops/domain/order_violation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "nn/ops/domain/ranking_hinge.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "tests/nn/float_testing.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;

// Moves values to the next multiple of `grid`, and `shift` beyond.
void Snap(BasicParameter<double>& p, double grid, double shift = 0.0) {
  std::transform(p.value(), p.value() + p.size(), p.value(),
                 [=](double v) { return grid * std::round(v / grid) + shift; });
}

// Values on two grids that never meet, so that no difference is near the kink at 0.
void DrawOnGrids(Inputs& in, Index f, Index rows, Index cols) {
  in.normal("s", f, rows, 0.0, 0.3).normal("x", f, cols, 0.0, 0.3);
  Snap(in["s"], 0.02);
  Snap(in["x"], 0.02, 0.01);
}

TEST(OrderViolation, AgreesWithTheDefinition) {
  Inputs in;
  DrawOnGrids(in, 3, 4, 2);
  DTape tape;
  const DVar s = in.on(tape, "s"), x = in.on(tape, "x"), e = order_violation(s, x);
  ASSERT_EQ(e.rows(), 4);
  ASSERT_EQ(e.cols(), 2);
  for (Index j = 0; j < 2; ++j) {
    for (Index i = 0; i < 4; ++i) {
      double sum = 0.0;
      for (Index k = 0; k < 3; ++k) {
        sum += std::pow(std::max(0.0, s.data()[3 * i + k] - x.data()[3 * j + k]), 2);
      }
      EXPECT_NEAR(e.data()[4 * j + i], sum, 1e-14);
    }
  }
}

class PairGradient : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, PairGradient, testing::ValuesIn(kShapes), ShapeName);

TEST_P(PairGradient, OfOrderViolation) {
  Inputs in;
  DrawOnGrids(in, GetParam().features, GetParam().batch, 5);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar s = in.on(t, "s"), x = in.on(t, "x");
    return order_violation(s, x) + order_violation(s + s, x);
  }));
}

TEST_P(PairGradient, OfRankingHinge) {
  Inputs in;
  in.normal("e", GetParam().batch, GetParam().batch);
  Snap(in["e"], 0.1);  // no hinge is near its kink: differences are multiples of 0.1, and of squares of 0.01
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar e = in.on(t, "e");
    return ranking_hinge(e, 0.33) + ranking_hinge(e * e, 0.705);
  }));
}

// 133 values end in a part of a vector on every instruction set, 67 and 150 pairs in parts of tiles and of pieces.
TEST(OrderViolation, FloatIsRight) {
  Inputs in;
  DrawOnGrids(in, 133, 67, 150);
  ExpectFloatIsRight(
      in, [](auto on) { return order_violation(on("s"), on("x")) + order_violation(on("s"), on("x") + on("x")); },
      2e-6);
}

TEST(RankingHinge, FloatIsRight) {
  Inputs in;
  in.normal("e", 71, 71);
  ExpectFloatIsRight(
      in, [](auto on) { return ranking_hinge(on("e"), 0.2) + ranking_hinge(on("e") * on("e"), 0.2); }, 2e-6);
}

// Equal penalties are equal to the last bit wherever they stand: ties are ties.
TEST(OrderViolation, APairsValueDependsOnThePairAlone) {
  Inputs in;
  in.normal("s", 133, 67).normal("x", 133, 150);
  kernels::ForEachTarget([&](const std::string& target) {
    Tape tape(Recording::kOff);
    const auto var = [&](const char* name, Index cols) {
      float* memory = tape.scratch(133 * cols);
      std::transform(in[name].value(), in[name].value() + 133 * cols, memory,
                     [](double v) { return static_cast<float>(v); });
      return tape.input(name, memory, 133, cols);
    };
    const Var all = order_violation(var("s", 67), var("x", 150));
    for (const auto& [rows, cols] : {std::pair<Index, Index>{1, 1}, {3, 7}, {66, 149}}) {
      const Var some = order_violation(var("s", rows), var("x", cols));
      for (Index j = 0; j < cols; ++j) {
        for (Index i = 0; i < rows; ++i) {
          ASSERT_EQ(some.data()[j * rows + i], all.data()[j * 67 + i]) << target << " " << i << " " << j;
        }
      }
    }
  });
}

TEST(OrderViolation, NaNShowsInItsPairsAndNoOthers) {
  kernels::ForEachTarget([&](const std::string& target) {
    std::vector<float> s(40, 0.5f), x(60, 0.25f);
    s[25] = std::numeric_limits<float>::quiet_NaN();
    x[39] = -std::numeric_limits<float>::quiet_NaN();
    Tape tape(Recording::kOff);
    const Var e = order_violation(tape.input("s", s.data(), 20, 2), tape.input("x", x.data(), 20, 3));
    for (Index j = 0; j < 3; ++j) {
      for (Index i = 0; i < 2; ++i) {
        EXPECT_EQ(std::isnan(e.data()[2 * j + i]), i == 1 || j == 1) << target << " " << i << " " << j;
      }
    }
    EXPECT_TRUE(std::isnan(ranking_hinge(tape.input("e", e.data(), 2, 2), 0.1).scalar()));
  });
}

// Sentence 0 is nearer to image 1 than to its own; sentence 1 is right by more than the margin but for image 0's sake.
TEST(RankingHinge, IsTheSumOverBothDirections) {
  const double e[] = {0.3, 0.9, 0.1, 0.2};  // of images 0 and 1: sentences 0 and 1
  DTape tape;
  const DVar loss = ranking_hinge(tape.input("e", e, 2, 2), 0.25);
  const double sentences = std::max(0.0, 0.25 - 0.1 + 0.3) + std::max(0.0, 0.25 - 0.9 + 0.2);
  const double images = std::max(0.0, 0.25 - 0.9 + 0.3) + std::max(0.0, 0.25 - 0.1 + 0.2);
  EXPECT_NEAR(loss.scalar(), sentences + images, 1e-15);
}

// The sum grows with the square of the batch where every pair is wrong alike; a mean over the batch would not.
TEST(RankingHinge, IsNoMean) {
  for (const Index n : {2, 5, 9}) {
    const std::vector<double> e(static_cast<std::size_t>(n * n), 0.5);
    DTape tape;
    EXPECT_NEAR(ranking_hinge(tape.input("e", e.data(), n, n), 0.05).scalar(), 0.1 * static_cast<double>(n * (n - 1)),
                1e-12);
  }
}

TEST(RankingHinge, HasNoGradientAtAKink) {
  Inputs in;
  in.normal("e", 2, 2);
  std::fill_n(in["e"].value(), 4, 0.5);
  DTape tape;
  tape.backward(ranking_hinge(in.on(tape, "e"), 0.0));
  for (Index i = 0; i < 4; ++i) {
    EXPECT_EQ(in["e"].gradient()[i], 0.0);
  }
}

TEST(OrderViolation, NamesShapesThatDoNotFit) {
  Tape tape;
  const Var s = tape.zeros(3, 2), x = tape.zeros(4, 2);
  EXPECT_THAT(ErrorOf([&] { order_violation(s, x); }), testing::HasSubstr("expected vectors of one size"));
  EXPECT_THAT(ErrorOf([&] { ranking_hinge(s, 0.1); }), testing::HasSubstr("ranking_hinge"));
}

}  // namespace
}  // namespace normlab::nn
