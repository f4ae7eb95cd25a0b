// Activations in float: values and gradients near those in double, and the same bits for any team.
#include "nn/ops/activation.h"

#include "nn/ops/elementwise.h"
#include "tests/nn/float_testing.h"

namespace normlab::nn {
namespace {

// Twice each input, so that gradients add up.
template <typename F>
void ExpectActivation(F f) {
  Inputs in;
  in.normal("x", 301, 67, 0.0, 2.0);
  ExpectFloatIsRight(
      in,
      [&](auto on) {
        const auto x = on("x");
        return f(x) * f(x);
      },
      2e-6);
}

TEST(Activation, SigmoidInFloat) {
  ExpectActivation([](auto x) { return sigmoid(x); });
}

TEST(Activation, TanhInFloat) {
  ExpectActivation([](auto x) { return tanh(x); });
}

TEST(Activation, AbsInFloat) {
  ExpectActivation([](auto x) { return abs(x); });
}

TEST(Activation, AbsHasNoGradientAtZeroAndKeepsNaN) {
  const float values[] = {-2.0f, 0.0f, 3.0f, std::numeric_limits<float>::quiet_NaN()};
  ParameterStore store(1);
  Parameter& x = store.add("x", {4}, init::zeros());
  std::copy_n(values, 4, x.value());
  Tape tape;
  const Var y = abs(tape.parameter(x));
  EXPECT_EQ(y.data()[0], 2.0f);
  EXPECT_TRUE(std::isnan(y.data()[3]));
  const float ones[] = {1.0f, 1.0f, 1.0f, 1.0f};
  tape.backward(y, ones);
  EXPECT_EQ(x.gradient()[0], -1.0f);
  EXPECT_EQ(x.gradient()[1], 0.0f);
  EXPECT_EQ(x.gradient()[2], 1.0f);
}

TEST(Activation, GeluInFloat) {
  ExpectActivation([](auto x) { return gelu(x, GeluForm::kErf); });
  ExpectActivation([](auto x) { return gelu(x, GeluForm::kTanh); });
}

}  // namespace
}  // namespace normlab::nn
