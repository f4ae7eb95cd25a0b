// Time steps cut from a sequence and put together again: gradients, memory that is shared, shapes that do not fit.
#include "nn/ops/columns.h"

#include <gmock/gmock.h>

#include <limits>

#include "nn/error.h"
#include "nn/ops/activation.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

TEST(SplitColumns, SharesTheValuesOfTheSequence) {
  const double x[] = {1, 2, 3, 4, 5, 6, 7, 8};
  DTape tape;
  const auto parts = split_columns(tape.input("x", x, 2, 4), 2);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].data(), x + 4);
  EXPECT_EQ(parts[1].cols(), 2);
}

TEST(SplitColumns, GradientIsRightInAnyOrderAndWithBlocksLeftOut) {
  Inputs in;
  in.normal("x", 3, 6);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    poison(t);
    const auto parts = split_columns(tanh(in.on(t, "x")), 3);
    return parts[2] * parts[0] + parts[2];
  }));
}

TEST(SplitColumns, AddsToAGradientThatIsThere) {
  Inputs in;
  in.normal("x", 3, 6);
  for (const bool whole_last : {true, false}) {
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
      const DVar x = tanh(in.on(t, "x"));
      const DVar before = x * x;
      const auto parts = split_columns(x, 2);
      const DVar product = parts[0] * parts[1];
      return join_columns<double>(std::vector<DVar>{whole_last ? x * x : before, product});
    }));
  }
}

// The parameter's own gradient memory cannot be exchanged: it is written to.
TEST(SplitColumns, BringsTheGradientOfAParameterToTheStore) {
  Inputs in;
  in.normal("x", 3, 6);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const auto parts = split_columns(in.on(t, "x"), 2);
    return parts[0] * parts[1];
  }));
}

TEST(JoinColumns, GradientIsRight) {
  Inputs in;
  in.normal("x", 3, 2).normal("y", 3, 5);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar x = in.on(t, "x"), y = in.on(t, "y");
    return tanh(join_columns<double>(std::vector<DVar>{x, y, x}));
  }));
}

TEST(ColumnOrder, BatchMajorKeepsTheStepsOfAnExampleSideBySide) {
  const double x[] = {10, 20, 11, 21, 12, 22};  // example b at time t: 10 (b + 1) + t
  DTape tape;
  const DVar by_example = to_batch_major(tape.input("x", x, 1, 6), 3);
  EXPECT_EQ(std::vector<double>(by_example.data(), by_example.data() + 6),
            (std::vector<double>{10, 11, 12, 20, 21, 22}));
  const DVar by_time = to_time_major(by_example, 3);
  EXPECT_EQ(std::vector<double>(by_time.data(), by_time.data() + 6), std::vector<double>(x, x + 6));
}

TEST(ColumnOrder, GradientIsRight) {
  Inputs in;
  in.normal("x", 3, 10);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    poison(t);
    const DVar x = in.on(t, "x");
    return to_batch_major(x, 5) * to_time_major(x, 5) + to_batch_major(x * x, 2);
  }));
}

TEST(SelectColumns, GradientIsRight) {
  Inputs in;
  in.normal("x", 3, 4).normal("y", 3, 4);
  const double mask[] = {1, 0, 0, 1};
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    poison(t);
    const DVar x = in.on(t, "x"), y = in.on(t, "y");
    return select_columns(t.input("mask", mask, 1, 4), x * y, y) * x;
  }));
}

TEST(SelectColumns, WhatIsNotChosenMayBeNaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double x[] = {1, nan}, y[] = {nan, 2}, mask[] = {1, 0};
  DTape tape;
  const DVar z = select_columns(tape.input("mask", mask, 1, 2), tape.input("x", x, 1, 2), tape.input("y", y, 1, 2));
  EXPECT_EQ(z.data()[0], 1.0);
  EXPECT_EQ(z.data()[1], 2.0);
}

TEST(PackColumns, GradientIsRight) {
  Inputs in;
  in.normal("x", 3, 4);
  const double mask[] = {0, 1, 0, 1};
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    poison(t);
    const DVar x = in.on(t, "x"), m = t.input("mask", mask, 1, 4);
    const DVar packed = pack_columns(m, x);
    return unpack_columns(m, tanh(packed) * packed) * x;
  }));
}

TEST(PackColumns, LeavesOutWhatIsNotChosen) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double x[] = {1, nan, 3}, mask[] = {1, 0, 1};
  DTape tape;
  const DVar m = tape.input("mask", mask, 1, 3);
  const DVar packed = pack_columns(m, tape.input("x", x, 1, 3));
  ASSERT_EQ(packed.cols(), 2);
  EXPECT_EQ(packed.data()[1], 3.0);
  const DVar z = unpack_columns(m, packed);
  EXPECT_EQ(std::vector<double>(z.data(), z.data() + 3), (std::vector<double>{1, 0, 3}));
}

TEST(ConcatRows, GradientIsRightForAnyNumberOfParts) {
  Inputs in;
  in.normal("x", 1, 3).normal("y", 4, 3).normal("z", 2, 3);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar x = in.on(t, "x");
    return tanh(concat_rows<double>({x, in.on(t, "y"), in.on(t, "z"), x}));
  }));
}

TEST(ScaleRows, GradientIsRight) {
  Inputs in;
  in.normal("x", 3, 4).vector("v", 3);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return tanh(scale_rows(in.on(t, "x"), in.on(t, "v"))); }));
}

TEST(Columns, ShapesThatDoNotFitAreErrors) {
  DTape tape;
  const DVar x = tape.zeros(2, 6), y = tape.zeros(3, 6);
  EXPECT_THROW(split_columns(x, 4), Error);
  EXPECT_THROW(split_columns(x, 0), Error);
  EXPECT_THROW(join_columns<double>(std::vector<DVar>{x, y}), Error);
  EXPECT_THROW(join_columns<double>(std::vector<DVar>{}), Error);
  EXPECT_THROW(select_columns(tape.zeros(1, 6), x, y), Error);
  EXPECT_THROW(select_columns(tape.zeros(2, 6), x, x), Error);
  EXPECT_THROW(to_batch_major(x, 4), Error);
  EXPECT_THROW(to_time_major(x, 0), Error);
  EXPECT_THROW(pack_columns(tape.zeros(1, 6), x), Error) << "nothing is chosen";
  EXPECT_THROW(pack_columns(tape.zeros(1, 5), x), Error);
  EXPECT_THROW(unpack_columns(tape.zeros(1, 6), x), Error) << "none, not six";
}

}  // namespace
}  // namespace normlab::nn
