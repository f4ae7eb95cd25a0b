// Gradients of whole unrolled cells by finite differences: every placement with every kind of norm, odd sizes, states
// that are inputs too, padded steps, peepholes.
#include <gtest/gtest.h>

#include <tuple>

#include "tests/nn/cell_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

constexpr UnrollShape kShape{.inputs = 3, .units = 5, .batch = 4, .steps = 3};

struct CellInputs : Inputs {
  CellInputs() {
    normal("x", kShape.inputs, kShape.steps * kShape.batch);
    normal("h0", kShape.units, kShape.batch);
    normal("c0", kShape.units, kShape.batch);
  }
};

struct LstmPlacementCase {
  const char* name;
  LstmPlacement placement;
};
const LstmPlacementCase kLstmPlacements[] = {{"TermsAndCell", LstmPlacement::kTermsAndCell},
                                             {"Cell", LstmPlacement::kCell},
                                             {"SumAndCell", LstmPlacement::kSumAndCell},
                                             {"GatesAndCell", LstmPlacement::kGatesAndCell}};

class LstmGradient : public testing::TestWithParam<std::tuple<LstmPlacementCase, NormCase>> {
 protected:
  LstmSpec spec() const {
    return {.inputs = kShape.inputs,
            .units = kShape.units,
            .norm = std::get<1>(GetParam()).spec,
            .placement = std::get<0>(GetParam()).placement};
  }
  // Whether the unrolled cell's gradients are right, of all parameters, inputs and the first state.
  static testing::AssertionResult check(const LstmSpec& spec, const double* mask = nullptr) {
    CellInputs in;
    BasicLstm<double> lstm(BasicScope<double>(in.store()), spec);
    scatter(in.store());
    return GradientIsRight(in, [&](DTape& t) {
      poison(t);
      return unroll(lstm, in.on(t, "x"), {.h = in.on(t, "h0"), .c = in.on(t, "c0")}, kShape.steps, mask);
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, LstmGradient,
                         testing::Combine(testing::ValuesIn(kLstmPlacements),
                                          testing::ValuesIn(norm_cases(kShape.steps))),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + std::get<1>(info.param).name;
                         });

TEST_P(LstmGradient, IsRight) { EXPECT_TRUE(check(spec())); }

TEST_P(LstmGradient, IsRightWithTheBiasTwice) {
  LstmSpec twice = spec();
  twice.bias_twice = true;
  EXPECT_TRUE(check(twice));
}

TEST_P(LstmGradient, IsRightWithPaddedSteps) {
  const std::vector<double> mask = ragged_mask<double>(kShape.steps, kShape.batch);
  EXPECT_TRUE(check(spec(), mask.data()));
}

TEST_P(LstmGradient, IsRightWithPeepholes) {
  LstmSpec with = spec();
  with.peepholes = true;
  EXPECT_TRUE(check(with));
}

struct GruPlacementCase {
  const char* name;
  GruPlacement placement;
};
const GruPlacementCase kGruPlacements[] = {
    {"Terms", GruPlacement::kTerms}, {"Sum", GruPlacement::kSum}, {"Gates", GruPlacement::kGates}};

class GruGradient : public testing::TestWithParam<std::tuple<GruPlacementCase, NormCase>> {
 protected:
  testing::AssertionResult check(const double* mask) const {
    CellInputs in;
    BasicGru<double> gru(BasicScope<double>(in.store()), {.inputs = kShape.inputs,
                                                          .units = kShape.units,
                                                          .norm = std::get<1>(GetParam()).spec,
                                                          .placement = std::get<0>(GetParam()).placement});
    scatter(in.store());
    return GradientIsRight(in,
                           [&](DTape& t) { return unroll(gru, in.on(t, "x"), in.on(t, "h0"), kShape.steps, mask); });
  }
};
INSTANTIATE_TEST_SUITE_P(Cells, GruGradient,
                         testing::Combine(testing::ValuesIn(kGruPlacements),
                                          testing::ValuesIn(norm_cases(kShape.steps))),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + std::get<1>(info.param).name;
                         });

TEST_P(GruGradient, IsRight) { EXPECT_TRUE(check(nullptr)); }

TEST_P(GruGradient, IsRightWithPaddedSteps) {
  const std::vector<double> mask = ragged_mask<double>(kShape.steps, kShape.batch);
  EXPECT_TRUE(check(mask.data()));
}

// One step, one unit, one example: the shapes where loops end early.
TEST(CellGradient, IsRightForOneOfEach) {
  Inputs in;
  in.normal("x", 1, 1).normal("h0", 1, 1).normal("c0", 1, 1);
  BasicLstm<double> lstm(BasicScope<double>(in.store()), {.inputs = 1, .units = 1, .norm = {.kind = RmsNorm{}}});
  scatter(in.store());
  EXPECT_TRUE(GradientIsRight(
      in, [&](DTape& t) { return unroll(lstm, in.on(t, "x"), {.h = in.on(t, "h0"), .c = in.on(t, "c0")}, 1); }));
}

}  // namespace
}  // namespace normlab::nn
