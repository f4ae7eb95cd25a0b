// The float LN-LSTM against the paper's equations in plain double loops, and the mistakes this comparison finds.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/nn/cell_testing.h"
#include "tests/nn/lstm_reference.h"

namespace normlab::nn {
namespace {

using reference::Mistake;

constexpr Index kInputs = 6, kUnits = 10, kBatch = 5, kSteps = 7;

class LstmReference : public testing::TestWithParam<bool> {
 protected:
  LstmReference()
      : x_(store_.add("x", {kSteps * kBatch, kInputs}, spread(0.0, 1.0))),
        lstm_(BasicScope<float>(store_),
              {.inputs = kInputs,
               .units = kUnits,
               .norm = {.kind = LayerNorm{}},
               .placement = GetParam() ? LstmPlacement::kTermsAndCell : LstmPlacement::kCell}),
        mask_(ragged_mask<float>(kSteps, kBatch)) {
    scatter(store_);
  }

  reference::Vector values(const std::string& name, Index n) {
    for (Parameter& p : store_.parameters()) {
      if (p.name() == name) {
        return {p.value(), p.value() + p.size()};
      }
    }
    return reference::Vector(static_cast<std::size_t>(n), 0.0);
  }
  reference::Parameters parameters() {
    return {.w_h = values("recurrent.weight", 0),
            .w_x = values("input.weight", 0),
            .b = values("bias", 0),
            .gain_h = values("recurrent.norm.gain", 4 * kUnits),
            .bias_h = values("recurrent.norm.bias", 4 * kUnits),
            .gain_x = values("input.norm.gain", 4 * kUnits),
            .bias_x = values("input.norm.bias", 4 * kUnits),
            .gain_c = values("cell.norm.gain", 0),
            .bias_c = values("cell.norm.bias", 0)};
  }

  // The largest difference of a state at any step of any example.
  double worst_difference(Mistake mistake) {
    Tape tape(Recording::kOff);
    const Var all = unroll(lstm_, tape.parameter(x_), lstm_.zero_state(tape, kBatch), kSteps, mask_.data());
    const reference::Parameters p = parameters();
    double worst = 0.0;
    for (Index b = 0; b < kBatch; ++b) {
      reference::Lstm exact(p, GetParam(), mistake);
      const float* state = all.data() + b * all.rows();
      for (Index t = 0; t < kSteps; ++t) {
        const float* x = x_.value() + (t * kBatch + b) * kInputs;
        exact.step({x, x + kInputs}, mask_[static_cast<std::size_t>(t * kBatch + b)] != 0.0f);
        for (const reference::Vector* v : {&exact.h(), &exact.c()}) {
          for (const double value : *v) {
            worst = std::max(worst, std::abs(value - static_cast<double>(*state++)));
          }
        }
      }
    }
    return worst;
  }

  ParameterStore store_{2};
  Parameter& x_;
  Lstm lstm_;
  std::vector<float> mask_;
};
INSTANTIATE_TEST_SUITE_P(Placements, LstmReference, testing::Bool(),
                         [](const auto& info) { return info.param ? "TermsAndCell" : "Cell"; });

constexpr double kTolerance = 3e-6;

TEST_P(LstmReference, TheEquationsAreFollowed) { EXPECT_LT(worst_difference(Mistake::kNone), kTolerance); }

TEST_P(LstmReference, MistakesAreFound) {
  for (const Mistake mistake : {Mistake::kUnbiasedVariance, Mistake::kEpsOutsideRoot, Mistake::kCarriesNormalizedCell,
                                Mistake::kCellNotNormalized, Mistake::kBiasTwice, Mistake::kGatesInOtherOrder,
                                Mistake::kGainOfTheFirstStepOnly, Mistake::kPaddingCounts}) {
    EXPECT_GT(worst_difference(mistake), 10.0 * kTolerance) << "mistake " << static_cast<int>(mistake);
  }
}

TEST_P(LstmReference, MistakesInWhatIsNormalizedAreFound) {
  if (GetParam()) {
    EXPECT_GT(worst_difference(Mistake::kNormOverTheSum), 10.0 * kTolerance);
    EXPECT_GT(worst_difference(Mistake::kNormOfEachGate), 10.0 * kTolerance);
  }
}

// A mean far above the deviation, where E[x^2] - E[x]^2 has no digit left: one input moves all sums alike.
TEST_P(LstmReference, AMeanFarAboveTheDeviationDoesNotHurt) {
  if (!GetParam()) {
    return;  // the cell is bounded, so its mean cannot be far above its deviation
  }
  for (Index i = 0; i < 4 * kUnits; ++i) {
    store_.at("input.weight").value()[i * kInputs] = 300.0f;
  }
  for (Index i = 0; i < kSteps * kBatch; ++i) {
    x_.value()[i * kInputs] = 8.0f;
  }
  // The sums themselves are good to 2400 * 2^-24, three digits less than without the mean.
  EXPECT_LT(worst_difference(Mistake::kNone), 5e-3);
  EXPECT_GT(worst_difference(Mistake::kOnePassVariance), 5e-2);
}

}  // namespace
}  // namespace normlab::nn
