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

TEST(Activation, GeluInFloat) {
  ExpectActivation([](auto x) { return gelu(x, GeluForm::kErf); });
  ExpectActivation([](auto x) { return gelu(x, GeluForm::kTanh); });
}

}  // namespace
}  // namespace normlab::nn
