// The product of a layer takes another way when its input is mostly zeros: the same values and gradients, in float,
// as the plain way in double.
#include "nn/ops/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "nn/parameter.h"

namespace normlab::nn {
namespace {

constexpr Index kIn = 150, kOut = 70, kBatch = 40;

// Every `keep`-th pixel is not black.
template <typename T>
std::vector<T> Pixels(Index keep) {
  std::vector<T> x(static_cast<std::size_t>(kIn * kBatch), T{0});
  for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(keep)) {
    x[i] = static_cast<T>(i % 255 + 1) / T{256};
  }
  return x;
}

// The output, then the gradient of the weight under an uneven cotangent, from two uses of the weight.
template <typename T>
std::vector<double> ValuesAndGradient(Index keep) {
  BasicParameterStore<T> store(1);
  BasicParameter<T>& weight = store.add("w", {kOut, kIn}, init::torch_uniform());
  const std::vector<T> x = Pixels<T>(keep);
  std::vector<T> cotangent(static_cast<std::size_t>(kOut * kBatch));
  for (std::size_t i = 0; i < cotangent.size(); ++i) {
    cotangent[i] = static_cast<T>(i * 37 % 64) / T{32} - T{1};
  }
  BasicTape<T> tape;
  std::vector<double> all;
  for (int use = 0; use < 2; ++use) {
    tape.reset();
    const BasicVar<T> y = linear(tape.parameter(weight), tape.input("x", x.data(), kIn, kBatch));
    all.insert(all.end(), y.data(), y.data() + y.size());
    tape.backward(y, cotangent.data());
  }
  all.insert(all.end(), weight.gradient(), weight.gradient() + weight.size());
  return all;
}

void ExpectFloatAsDouble(Index keep) {
  const std::vector<double> got = ValuesAndGradient<float>(keep), want = ValuesAndGradient<double>(keep);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], 1e-5) << "value or gradient " << i;
  }
}

TEST(Linear, DenseInputInFloatIsAsInDouble) { ExpectFloatAsDouble(1); }
TEST(Linear, SparseInputInFloatIsAsInDouble) { ExpectFloatAsDouble(5); }

}  // namespace
}  // namespace normlab::nn
