#include "nn/ops/domain/attention_window.h"

#include <gmock/gmock.h>

#include <array>

#include "nn/error.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/rows.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

// Two texts of 4 and 7 characters over an alphabet of 5.
struct Texts {
  std::array<std::uint8_t, 11> symbols = {0, 3, 3, 1, 4, 2, 0, 0, 1, 3, 2};
  std::array<Index, 3> begin = {0, 4, 11};
  WindowTexts get() const { return {.symbols = symbols.data(), .begin = begin.data(), .alphabet = 5, .batch = 2}; }
};

TEST(AttentionWindow, IsTheFormulaWrittenDown) {
  const Texts texts;
  const std::vector<float> sums = {-0.5f, 0.2f, -1.0f, 0.3f, 0.1f, -0.4f, 0.5f, 0.6f, -0.2f, -0.3f, 0.4f, 0.0f};
  const std::vector<float> before = {1.0f, 2.5f, 0.5f, 4.0f};
  Tape tape;
  const auto window =
      attention_window(tape.input("sums", sums.data(), 6, 2), tape.input("kappa", before.data(), 2, 2), texts.get());
  for (Index b = 0; b < 2; ++b) {
    std::vector<double> wanted(5, 0.0);
    const Index first = texts.begin[static_cast<std::size_t>(b)];
    const Index count = texts.begin[static_cast<std::size_t>(b) + 1] - first;
    std::vector<float> phi(static_cast<std::size_t>(count));
    for (Index u = 1; u <= count; ++u) {
      double sum = 0.0;
      for (Index k = 0; k < 2; ++k) {
        const auto at = [&](Index row) { return static_cast<double>(sums[static_cast<std::size_t>(b * 6 + row)]); };
        const double kappa = static_cast<double>(before[static_cast<std::size_t>(b * 2 + k)]) + std::exp(at(4 + k));
        sum += std::exp(at(k)) * std::exp(-std::exp(at(2 + k)) * std::pow(kappa - static_cast<double>(u), 2));
        EXPECT_NEAR(window.kappa.data()[b * 2 + k], kappa, 1e-5);
      }
      wanted[texts.symbols[static_cast<std::size_t>(first + u - 1)]] += sum;
      phi[static_cast<std::size_t>(u - 1)] = static_cast<float>(sum);
    }
    for (Index a = 0; a < 5; ++a) {
      EXPECT_NEAR(window.symbols.data()[b * 5 + a], wanted[static_cast<std::size_t>(a)], 1e-5) << "example " << b;
    }
    std::vector<float> drawn(phi.size());
    window_weights({sums.data() + b * 6, 6}, {window.kappa.data() + b * 2, 2}, drawn);
    for (std::size_t u = 0; u < phi.size(); ++u) {
      EXPECT_NEAR(drawn[u], phi[u], 1e-5);
    }
  }
}

// Two steps, so that a gradient comes back through kappa too.
TEST(AttentionWindow, GradientsAreRightThroughTwoSteps) {
  const Texts texts;
  Inputs inputs(3);
  inputs.normal("first", 9, 2, -0.5, 0.7).normal("second", 9, 2, -0.5, 0.7).normal("kappa", 3, 2, 1.5, 1.0);
  EXPECT_TRUE(GradientIsRight(inputs, [&](BasicTape<double>& tape) {
    const auto one = attention_window(inputs.on(tape, "first"), inputs.on(tape, "kappa"), texts.get());
    const auto two = attention_window(inputs.on(tape, "second"), one.kappa, texts.get());
    return concat_rows<double>({one.symbols, two.symbols, two.kappa});
  }));
}

// A window whose kappa starts anew each step would have the right values and no gradient through time: the check of
// two steps must see that.
TEST(AttentionWindow, TheCheckRejectsAKappaWithoutGradient) {
  const Texts texts;
  Inputs inputs(3);
  inputs.normal("first", 9, 2, -0.5, 0.7).normal("second", 9, 2, -0.5, 0.7).normal("kappa", 3, 2, 1.5, 1.0);
  EXPECT_FALSE(GradientIsRight(inputs, [&](BasicTape<double>& tape) {
    const auto one = attention_window(inputs.on(tape, "first"), inputs.on(tape, "kappa"), texts.get());
    const auto cut = tape.input("cut", one.kappa.data(), one.kappa.rows(), one.kappa.cols());
    const auto two = attention_window(inputs.on(tape, "second"), cut, texts.get());
    return concat_rows<double>({one.symbols, two.symbols, two.kappa});
  }));
}

TEST(AttentionWindow, FarFromTheTextItIsZeroAndStaysFinite) {
  const Texts texts;
  const std::vector<float> sums = {0, 5, 0, 0, 5, 9};
  const std::vector<float> kappa = {1e6f, 1e6f};
  Tape tape;
  const auto window =
      attention_window(tape.input("sums", sums.data(), 3, 2), tape.input("kappa", kappa.data(), 1, 2), texts.get());
  for (Index i = 0; i < window.symbols.size(); ++i) {
    EXPECT_EQ(window.symbols.data()[i], 0.0f);
  }
}

TEST(AttentionWindow, ErrorsNameWhatDoesNotFit) {
  Texts texts;
  const std::vector<float> values(12, 0.0f);
  Tape tape;
  EXPECT_THROW(
      attention_window(tape.input("sums", values.data(), 5, 2), tape.input("kappa", values.data(), 2, 2), texts.get()),
      Error);
  EXPECT_THROW(
      attention_window(tape.input("sums", values.data(), 6, 1), tape.input("kappa", values.data(), 2, 1), texts.get()),
      Error);
  texts.symbols[5] = 5;
  EXPECT_THROW(
      attention_window(tape.input("sums", values.data(), 6, 2), tape.input("kappa", values.data(), 2, 2), texts.get()),
      Error);
}

}  // namespace
}  // namespace normlab::nn
