// A gain and a bias of each example: gradients, float against double, threads, and what is left out.
#include "nn/ops/modulate.h"

#include <gmock/gmock.h>

#include "nn/error.h"
#include "tests/nn/norm_testing.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;

class ModulateTest : public testing::TestWithParam<std::tuple<Shape, Index>> {
 protected:
  const Index features_ = std::get<0>(GetParam()).features, batch_ = std::get<0>(GetParam()).batch,
              positions_ = std::get<1>(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Shapes, ModulateTest,
                         testing::Combine(testing::Values(Shape{1, 1}, Shape{3, 2}, Shape{17, 3}, Shape{67, 5}),
                                          testing::Values<Index>(1, 3, 130)));

TEST_P(ModulateTest, GradientsAreRight) {
  if (positions_ > 3) {
    return;  // too many values for differences
  }
  Inputs in;
  in.normal("x", features_, batch_ * positions_).normal("gain", features_, batch_).normal("bias", features_, batch_);
  const auto on = [&](DTape& t, const char* name) { return in.on(t, name); };
  EXPECT_TRUE(
      GradientIsRight(in, [&](DTape& t) { return modulate(on(t, "x"), on(t, "gain"), on(t, "bias"), positions_); }));
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return modulate(on(t, "x"), on(t, "gain"), {}, positions_); }));
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return modulate(on(t, "x"), {}, on(t, "bias"), positions_); }));
  // A gain that is also what it multiplies: both ways of the gradient add up.
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return modulate(on(t, "gain"), on(t, "gain"), on(t, "gain")); }));
}

TEST_P(ModulateTest, FloatFollowsDoubleOnAnyThreads) {
  const std::vector<Given> given = {
      {"x", features_, batch_ * positions_}, {"gain", features_, batch_}, {"bias", features_, batch_}};
  const auto op = [this](auto& store) {
    return [this, &store](auto& tape) {
      return modulate(tape.parameter(store.at("x")), tape.parameter(store.at("gain")), tape.parameter(store.at("bias")),
                      positions_);
    };
  };
  EXPECT_TRUE(Follows(output_and_gradients<float>(given, op), output_and_gradients<double>(given, op), 2e-5));
  EXPECT_TRUE(SameOnAnyThreads([&] { return output_and_gradients<float>(given, op); }));
}

TEST(Modulate, GivesEachExampleItsOwn) {
  const float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, gain[] = {10, 100, 2, 3}, bias[] = {1, 2, 3, 4};
  Tape tape;
  const Var y = modulate(tape.input("x", x, 2, 4), tape.input("gain", gain, 2, 2), tape.input("bias", bias, 2, 2), 2);
  EXPECT_THAT(std::vector<float>(y.data(), y.data() + 8), testing::ElementsAre(11, 202, 31, 402, 13, 22, 17, 28));
}

TEST(Modulate, ShapesThatDoNotFitAreAnError) {
  const float values[12] = {};
  Tape tape;
  const Var x = tape.input("x", values, 2, 6);
  for (const auto& [rows, cols] : {std::pair<Index, Index>{2, 6}, {3, 3}, {2, 1}}) {
    try {
      (void)modulate(x, tape.input("gain", values, rows, cols), {}, 2);
      ADD_FAILURE() << "no error for " << rows << " x " << cols;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::StartsWith("modulate: 'x' is 2 x 6 and 'gain' is "));
      EXPECT_THAT(e.what(), testing::EndsWith("expected a column of as many rows for each example"));
    }
  }
}

}  // namespace
}  // namespace normlab::nn
