#include "nn/ops/dropout.h"

#include <gmock/gmock.h>

#include "nn/error.h"
#include "nn/ops/activation.h"
#include "nn/ops/elementwise.h"
#include "tests/nn/float_testing.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;

// The values of dropout(ones), 0 where left out.
std::vector<double> mask(const Step& step, std::string_view purpose = "dropout/test", double rate = 0.5) {
  const std::vector<double> ones(1000, 1.0);
  DTape tape;
  const DVar y = dropout(tape.input("ones", ones.data(), 100, 10), rate, step, purpose);
  return {y.data(), y.data() + y.size()};
}

TEST(Dropout, KeepsTheMeanByScaling) {
  for (const double v : mask({}, "dropout/test", 0.75)) {
    EXPECT_TRUE(v == 0.0 || v == 4.0) << v;
  }
}

TEST(Dropout, IsTheIdentityInEvaluationAndAtRateZero) {
  Inputs in;
  in.normal("x", 3, 2);
  DTape tape;
  const DVar x = in.on(tape, "x");
  EXPECT_EQ(dropout(x, 0.5, {.mode = Mode::kEvaluate}, "d").data(), x.data());
  EXPECT_EQ(dropout(x, 0.0, {}, "d").data(), x.data());
}

// A run resumed at an update draws what the uninterrupted one drew: nothing but the key decides.
TEST(Dropout, TheKeyDecides) {
  const Step step{.time = 2, .key = {.seed = 7, .update = 1000}};
  const std::vector<double> first = mask(step);
  EXPECT_EQ(mask(step), first);
  EXPECT_NE(mask(step, "dropout/other"), first);
  for (const Step& other : {Step{.time = 3, .key = step.key}, Step{.time = 2, .key = {.seed = 8, .update = 1000}},
                            Step{.time = 2, .key = {.seed = 7, .update = 1001}}}) {
    EXPECT_NE(mask(other), first);
  }
}

TEST(Dropout, GradientsAreRight) {
  Inputs in;
  in.normal("x", 17, 5);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar x = in.on(t, "x");
    return dropout(x, 0.4, {}, "d") * dropout(tanh(x), 0.4, {.time = 1}, "d");
  }));
}

TEST(Dropout, FloatDropsWhatDoubleDrops) {
  Inputs in;
  in.normal("x", 301, 67);
  ExpectFloatIsRight(
      in, [](auto on) { return dropout(on("x"), 0.3, {.key = {.seed = 3}}, "d"); }, 1e-6);
}

TEST(Dropout, RatesOutsideAreErrors) {
  Inputs in;
  in.normal("x", 3, 2);
  DTape tape;
  for (const double rate : {1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    try {
      dropout(in.on(tape, "x"), rate, {}, "dropout/readout");
      ADD_FAILURE() << rate;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr("of 'x' (dropout/readout); expected at least 0 and less than 1"));
    }
  }
}

}  // namespace
}  // namespace normlab::nn
