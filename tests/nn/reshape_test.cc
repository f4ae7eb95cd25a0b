// A reshape is its input under another shape: the same memory there and back, and the same guard of it.
#include "nn/ops/reshape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "nn/error.h"
#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ReshapeTest : public testing::Test {
 protected:
  // 6 x 2, the tape's own memory.
  Var value() { return tape_.parameter(w_) + tape_.parameter(w_); }
  static Var overwrite(Var base) {
    const Var y = base.tape().result_in_place("overwriting", base, {});
    std::fill_n(y.mutable_data(), y.size(), 7.0f);
    y.tape().on_backward({y}, [base, y] { base.adopt_gradient(y.grad_sink().data); });
    return y;
  }
  // Points into x on the way back.
  static Var keep(Var x) {
    const Var y = x.tape().result("keeping", x.rows(), x.cols(), {x});
    x.tape().on_backward({y}, [x, values = x.data()] { (void)*values; });
    return y;
  }

  ParameterStore store_{1};
  Parameter& w_ = store_.add("w", {2, 6}, init::glorot_uniform());
  Tape tape_;
};

TEST_F(ReshapeTest, ValuesStayWhereTheyAre) {
  const Var x = value(), y = reshape(x, 3, 4);
  EXPECT_EQ(y.data(), x.data());
  EXPECT_EQ(y.rows(), 3);
  EXPECT_EQ(y.cols(), 4);
  EXPECT_STREQ(y.label(), "reshape");
}

TEST_F(ReshapeTest, AnotherNumberOfValuesIsAnError) {
  const Var w = tape_.parameter(w_);
  EXPECT_EQ(ErrorOf([&] { reshape(w, 4, 4); }), "reshape: 'w' is 6 x 2; expected as many values as 4 x 4 has");
  EXPECT_THAT(ErrorOf([&] { reshape(w, -3, -4); }), HasSubstr("'w' is 6 x 2"));
}

TEST_F(ReshapeTest, TheGradientIsTheInputsOwn) {
  const Var x = value(), y = reshape(x, 3, 4);
  const Var loss = sum(y * y);
  tape_.backward(loss);
  ASSERT_NE(x.grad(), nullptr);
  EXPECT_EQ(y.grad(), x.grad());
  EXPECT_EQ(x.grad()[5], 2.0f * x.data()[5]);
}

TEST_F(ReshapeTest, OfAParameterItIsTheParametersGradient) {
  tape_.backward(sum(reshape(tape_.parameter(w_), 4, 3)));
  EXPECT_EQ(w_.gradient()[11], 1.0f);
}

TEST_F(ReshapeTest, OfAConstantItIsAConstant) {
  const float data[] = {1.0f, 2.0f};
  EXPECT_FALSE(reshape(tape_.input("x", data, 2, 1), 1, 2).needs_grad());
}

// Several shapes of a value in one function, nested, whole and in parts.
TEST_F(ReshapeTest, GradientIsRight) {
  Inputs in;
  in.normal("x", 6, 4).normal("y", 8, 3);
  EXPECT_TRUE(GradientIsRight(in, [&](BasicTape<double>& t) {
    const BasicVar<double> x = in.on(t, "x"), y = reshape(x, 8, 3) * in.on(t, "y");
    const std::span<const BasicVar<double>> parts = split_columns(reshape(y, 12, 2), 2);
    return reshape(reshape(x, 3, 8), 12, 2) * join_columns(parts) + reshape(y, 12, 2);
  }));
}

TEST_F(ReshapeTest, AnInputOrParameterIsNotOverwrittenUnderAnotherShape) {
  EXPECT_EQ(ErrorOf([&] { overwrite(reshape(tape_.parameter(w_), 3, 4)); }),
            "overwriting would overwrite 'reshape', which is an input or a parameter; give it a copy");
}

TEST_F(ReshapeTest, WhatIsOverwrittenUnderOneShapeIsNotReadUnderAnother) {
  const Var x = value(), before = reshape(x, 4, 3), other = reshape(x, 3, 4);
  const Var y = overwrite(other);
  for (const Var& stale : {x, before, other, reshape(x, 12, 1)}) {
    EXPECT_THAT(ErrorOf([&] { (void)stale.data(); }), HasSubstr("is read after overwriting wrote"));
  }
  EXPECT_EQ(y.data()[0], 7.0f);
  EXPECT_EQ(overwrite(reshape(y, 6, 2)).data()[0], 7.0f) << "the new owner may be overwritten";

  const Var whole = value(), flat = reshape(whole, 3, 4);
  overwrite(whole);
  EXPECT_THAT(ErrorOf([&] { (void)flat.data(); }), HasSubstr("is read after overwriting wrote"));
}

TEST_F(ReshapeTest, WhatIsKeptUnderOneShapeIsNotOverwrittenUnderAnother) {
  const Var x = value();
  keep(reshape(x, 3, 4));
  EXPECT_THAT(ErrorOf([&] { overwrite(x); }), HasSubstr("whose values keeping reads on the way back"));
  EXPECT_THAT(ErrorOf([&] { overwrite(reshape(x, 4, 3)); }), HasSubstr("whose values keeping reads on the way back"));
}

TEST_F(ReshapeTest, PartsOfAShapeArePartsOfTheWhole) {
  const Var x = value();
  overwrite(split_columns(reshape(x, 3, 4), 4)[1]);
  EXPECT_THAT(ErrorOf([&] { (void)x.data(); }), HasSubstr("is read after overwriting wrote"));

  const Var kept = value();
  keep(split_columns(reshape(kept, 3, 4), 2)[0]);
  EXPECT_THAT(ErrorOf([&] { overwrite(kept); }), HasSubstr("keeping reads on the way back"));

  const std::span<const Var> halves = split_columns(value(), 2);
  overwrite(reshape(halves[0], 2, 3));
  EXPECT_THAT(ErrorOf([&] { (void)halves[0].data(); }), HasSubstr("is read after overwriting wrote"));
  EXPECT_NO_THROW((void)halves[1].data()) << "the other part is as it was";
}

}  // namespace
}  // namespace normlab::nn
