// Activations in float: values and gradients near those in double, and the same bits for any team.
#include "nn/ops/activation.h"

#include <gmock/gmock.h>

#include <limits>

#include "nn/ops/elementwise.h"
#include "tests/nn/float_testing.h"

namespace normlab::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::NanSensitiveFloatEq;

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

TEST(Activation, LeakyReluInFloat) {
  ExpectActivation([](auto x) { return leaky_relu(x, 0.1); });
}

// Values of both signs, both zeros, and NaN.
TEST(Activation, LeakyReluIsTwoLines) {
  Tape tape;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {-2.0f, -0.0f, 0.0f, 3.0f, nan};
  const Var y = leaky_relu(tape.input("x", x.data(), 5, 1), 0.25);
  EXPECT_THAT(std::vector<float>(y.data(), y.data() + 5),
              ElementsAre(-0.5f, 0.0f, 0.0f, 3.0f, NanSensitiveFloatEq(nan)));
  EXPECT_EQ(ErrorOf([&] { leaky_relu(y, 1.5); }), "leaky_relu: slope 1.5 of 'leaky_relu'; expected 0 to 1");
}

// The same bits as out of place, and so are the gradients of what is below.
TEST(Activation, ReluInPlaceIsTheSame) {
  const auto run = [](auto activation) {
    ParameterStore store(1);
    Tape tape;
    const Var w = tape.parameter(store.add("w", {301, 67}, init::he_normal()));
    const Var y = activation(w * w - w);
    tape.backward(sum(y * y));
    std::vector<float> bits(y.data(), y.data() + y.size());
    const float* gradient = store.at("w").gradient();
    bits.insert(bits.end(), gradient, gradient + y.size());
    return bits;
  };
  EXPECT_TRUE(kernels::SameBits(run([](Var x) { return relu_in_place(x); }), run([](Var x) { return relu(x); })));
  EXPECT_TRUE(kernels::SameBits(run([](Var x) { return leaky_relu_in_place(x, 0.1); }),
                                run([](Var x) { return leaky_relu(x, 0.1); })));
}

TEST(Activation, InPlaceNeedsMemoryThatNobodyReads) {
  Tape tape;
  const float x = 1.0f;
  EXPECT_THAT(ErrorOf([&] { relu_in_place(tape.input("x", &x, 1, 1)); }),
              HasSubstr("relu_in_place would overwrite 'x', which is an input"));
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
