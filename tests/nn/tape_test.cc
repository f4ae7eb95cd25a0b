#include "nn/tape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "nn/error.h"
#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/pointwise.h"
#include "nn/parameter.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TapeTest : public testing::Test {
 protected:
  ParameterStore store_{1};
  Parameter& w_ = store_.add("w", {2}, init::constant(3.0));
  Tape tape_;
};

TEST_F(TapeTest, GradientsOfAParameterAddUpOverItsUses) {
  tape_.backward(sum(tape_.parameter(w_) * tape_.parameter(w_)));
  EXPECT_THAT(std::vector<float>(w_.gradient(), w_.gradient() + 2), ElementsAre(6.0f, 6.0f));
}

TEST_F(TapeTest, GradientsAddUpOverStepsUntilCleared) {
  for (const float expected : {1.0f, 2.0f}) {
    tape_.reset();
    tape_.backward(sum(tape_.parameter(w_)));
    EXPECT_EQ(w_.gradient()[0], expected);
  }
  store_.clear_gradients();
  tape_.reset();
  tape_.backward(sum(tape_.parameter(w_)));
  EXPECT_EQ(w_.gradient()[0], 1.0f);
}

TEST_F(TapeTest, AParameterThatIsNotUsedHasGradientZero) {
  Parameter& idle = store_.add("idle", {3}, init::constant(1.0));
  idle.gradient_memory()[1] = 5.0f;  // left over from an earlier step
  tape_.backward(sum(tape_.parameter(w_)));
  EXPECT_THAT(std::vector<float>(idle.gradient(), idle.gradient() + 3), ElementsAre(0.0f, 0.0f, 0.0f));
}

TEST_F(TapeTest, AnInputNeedsNoGradientAndGetsNone) {
  const float data[] = {1.0f, 2.0f};
  const Var x = tape_.input("x", data, 2, 1);
  EXPECT_FALSE(x.needs_grad());
  tape_.backward(sum(x * tape_.parameter(w_)));
  EXPECT_EQ(x.grad(), nullptr);
  EXPECT_THAT(std::vector<float>(w_.gradient(), w_.gradient() + 2), ElementsAre(1.0f, 2.0f));
}

TEST_F(TapeTest, WithRecordingOffNothingIsNoted) {
  Tape inference(Recording::kOff);
  const Var loss = sum(inference.parameter(w_));
  EXPECT_EQ(loss.scalar(), 6.0f);
  EXPECT_FALSE(loss.needs_grad());
  EXPECT_THAT(ErrorOf([&] { inference.backward(loss); }), HasSubstr("does not record"));
}

TEST_F(TapeTest, AVarFromBeforeResetIsRefused) {
  const Var old = tape_.parameter(w_);
  tape_.reset();
  EXPECT_THAT(ErrorOf([&] { (void)old.rows(); }), HasSubstr("reset()"));
  EXPECT_THAT(ErrorOf([&] { (void)sum(Var()); }), HasSubstr("empty"));
}

TEST_F(TapeTest, VarsOfTwoTapesAreRefusedByName) {
  Tape other;
  const std::string message = ErrorOf([&] { (void)add(tape_.parameter(w_), other.parameter(w_)); });
  EXPECT_THAT(message, HasSubstr("add: 'w' lies on another tape"));
}

TEST_F(TapeTest, BackwardRefusesWhatItCannotDo) {
  const Var w = tape_.parameter(w_);
  EXPECT_THAT(ErrorOf([&] { tape_.backward(w); }), HasSubstr("'w' is 2 x 1; expected a 1 x 1 loss"));
  const float one[] = {1.0f};
  EXPECT_THAT(ErrorOf([&] { tape_.backward(tape_.input("x", one, 1, 1)); }), HasSubstr("'x' depends on no parameter"));
  const Var loss = sum(w);
  tape_.backward(loss);
  EXPECT_THAT(ErrorOf([&] { tape_.backward(loss); }), HasSubstr("already called"));
}

TEST_F(TapeTest, AnInputWithoutDataIsRefusedByName) {
  EXPECT_THAT(ErrorOf([&] { (void)tape_.input("pixels", nullptr, 2, 1); }), HasSubstr("'pixels' is 2 x 1"));
}

// An op with two results, as an LSTM cell has: its backward runs once, and finds zeros where no gradient came.
TEST_F(TapeTest, AnOpMayHaveTwoResults) {
  const Var w = tape_.parameter(w_);
  const Var doubled = tape_.result("pair", 2, 1, {w}), tripled = tape_.result("pair", 2, 1, {w});
  fill_pointwise(doubled.mutable_data(), 2, [&](Index i) { return 2.0f * w.data()[i]; });
  fill_pointwise(tripled.mutable_data(), 2, [&](Index i) { return 3.0f * w.data()[i]; });
  int runs = 0;
  tape_.on_backward({doubled, tripled}, [=, &runs] {
    ++runs;
    fill_pointwise(w.grad_sink(), 2, [&](Index i) { return 2.0f * doubled.grad()[i] + 3.0f * tripled.grad()[i]; });
  });
  tape_.backward(sum(tripled));
  EXPECT_EQ(runs, 1);
  EXPECT_THAT(std::vector<float>(w_.gradient(), w_.gradient() + 2), ElementsAre(3.0f, 3.0f));
}

TEST_F(TapeTest, WhatTheLossDoesNotDependOnIsNotRun) {
  const Var w = tape_.parameter(w_);
  const Var aside = tape_.result("aside", 2, 1, {w});
  bool ran = false;
  tape_.on_backward({aside}, [&ran] { ran = true; });
  tape_.backward(sum(w));
  EXPECT_FALSE(ran);
}

// --- Memory that ops share ---

Var Overwriting(Var base) {
  Var y = base.tape().result_in_place("overwriting", base, {});
  std::fill_n(y.mutable_data(), y.size(), 7.0f);
  y.tape().on_backward({y}, [base, y] { base.adopt_gradient(y.grad_sink().data); });
  return y;
}

// x * x, which reads x on the way back: through its Var, or through a pointer it captured.
Var Square(Var x, bool through_pointer) {
  Var y = x.tape().result("square", x.rows(), x.cols(), {x});
  std::transform(x.data(), x.data() + x.size(), y.mutable_data(), [](float v) { return v * v; });
  const float* values = through_pointer ? x.data() : nullptr;
  x.tape().on_backward({y}, [x, y, values] {
    const float* v = values != nullptr ? values : x.data();
    const GradSink<float> dx = x.grad_sink();
    for (Index i = 0; dx && i < x.size(); ++i) {
      dx.data[i] = (dx.accumulate ? dx.data[i] : 0.0f) + 2.0f * v[i] * y.grad()[i];
    }
  });
  return y;
}

TEST_F(TapeTest, MemoryThatIsNotTheTapesIsNotOverwritten) {
  const float x[] = {1.0f, 2.0f};
  const std::string wanted = "which is an input or a parameter; give it a copy";
  EXPECT_EQ(ErrorOf([&] { Overwriting(tape_.input("x", x, 2, 1)); }), "overwriting would overwrite 'x', " + wanted);
  EXPECT_EQ(ErrorOf([&] { Overwriting(tape_.parameter(w_)); }), "overwriting would overwrite 'w', " + wanted);
  EXPECT_THAT(ErrorOf([&] { Overwriting(split_columns(tape_.input("x", x, 1, 2), 2)[1]); }), HasSubstr(wanted));
  EXPECT_THAT(w_.value()[0], 3.0f);
  EXPECT_EQ(Overwriting(tape_.zeros(2, 1)).data()[1], 7.0f) << "nobody else's memory";
}

TEST_F(TapeTest, WhatAWayBackPointsIntoIsNotOverwritten) {
  const Var a = tape_.parameter(w_) + tape_.parameter(w_);
  Square(a, true);
  EXPECT_EQ(ErrorOf([&] { Overwriting(a); }),
            fmt::format("overwriting would overwrite '{}', whose values square reads on the way back; give it a copy",
                        a.label()));
  EXPECT_THAT(ErrorOf([&] {
                Overwriting(a * a);
                Overwriting(a);
              }),
              HasSubstr("reads on the way back"));
}

TEST_F(TapeTest, WhatAWayBackReadsOfAnOverwrittenVarIsRefused) {
  const Var a = tape_.parameter(w_) + tape_.parameter(w_);
  const Var square = Square(a, false);
  const Var loss = sum(square + Overwriting(a));
  EXPECT_EQ(ErrorOf([&] { tape_.backward(loss); }),
            fmt::format("'{}' is read after overwriting wrote its result into the same memory; read it before, or give "
                        "overwriting a copy",
                        a.label()));
}

TEST_F(TapeTest, AnOverwrittenVarIsNotReadAgain) {
  const Var a = tape_.parameter(w_) + tape_.parameter(w_);
  const Var b = Overwriting(a);
  EXPECT_THAT(ErrorOf([&] { a + a; }), HasSubstr("is read after overwriting wrote"));
  EXPECT_THAT(ErrorOf([&] { Overwriting(a); }), HasSubstr("is read after overwriting wrote"));
  EXPECT_EQ(Overwriting(b).data()[0], 7.0f) << "the new owner may be overwritten";
}

TEST_F(TapeTest, PartsAreOverwrittenApart) {
  Parameter& wide = store_.add("wide", {2, 2}, init::constant(1.0));
  const Var whole = tape_.parameter(wide) + tape_.parameter(wide);
  const std::span<const Var> parts = split_columns(whole, 2);
  Overwriting(parts[0]);
  EXPECT_EQ(parts[1].data()[0], 2.0f) << "the other part is as it was";
  EXPECT_THAT(ErrorOf([&] { whole.data(); }), HasSubstr("is read after overwriting wrote"));

  const Var kept = tape_.parameter(wide) + tape_.parameter(wide);
  Square(kept, true);
  EXPECT_THAT(ErrorOf([&] { Overwriting(split_columns(kept, 2)[0]); }), HasSubstr("square reads on the way back"));
  const Var other = tape_.parameter(wide) + tape_.parameter(wide);
  Square(split_columns(other, 2)[0], true);
  EXPECT_THAT(ErrorOf([&] { Overwriting(other); }), HasSubstr("square reads on the way back"));
}

// A sequence cut twice: what is overwritten or kept of one cut is so of the other.
TEST_F(TapeTest, PartsThatOverlapAreGuardedTogether) {
  Parameter& wide = store_.add("wide", {4, 2}, init::constant(1.0));
  const Var whole = tape_.parameter(wide) + tape_.parameter(wide);
  const std::span<const Var> halves = split_columns(whole, 2), quarters = split_columns(whole, 4);
  const std::span<const Var> again = split_columns(whole, 2);
  Overwriting(quarters[1]);
  EXPECT_THAT(ErrorOf([&] { halves[0].data(); }), HasSubstr("is read after overwriting wrote"));
  EXPECT_THAT(ErrorOf([&] { Overwriting(again[0]); }), HasSubstr("is read after overwriting wrote"));
  EXPECT_EQ(quarters[0].data()[0], 2.0f);
  EXPECT_EQ(again[1].data()[0], 2.0f);
  EXPECT_THAT(ErrorOf([&] { split_columns(whole, 2); }), HasSubstr("is read after overwriting wrote"));

  Square(quarters[2], true);
  EXPECT_THAT(ErrorOf([&] { Overwriting(halves[1]); }), HasSubstr("square reads on the way back"));
  EXPECT_EQ(Overwriting(quarters[3]).data()[0], 7.0f);
}

TEST_F(TapeTest, PartsOfPartsAreGuardedToo) {
  Parameter& wide = store_.add("wide", {4, 2}, init::constant(1.0));
  const Var whole = tape_.parameter(wide) + tape_.parameter(wide);
  const std::span<const Var> halves = split_columns(whole, 2);
  const Var first = Overwriting(halves[0]);
  Overwriting(split_columns(first, 2)[1]);
  EXPECT_THAT(ErrorOf([&] { first.data(); }), HasSubstr("is read after overwriting wrote"));
  const std::span<const Var> quarters = split_columns(halves[1], 2);
  Square(quarters[0], true);
  EXPECT_THAT(ErrorOf([&] { Overwriting(halves[1]); }), HasSubstr("square reads on the way back"));
  Overwriting(quarters[1]);
  EXPECT_THAT(ErrorOf([&] { halves[1].data(); }), HasSubstr("is read after overwriting wrote"));
  EXPECT_EQ(quarters[0].data()[0], 2.0f);
}

TEST(ArenaTest, KeepsItsMemoryAndAlignsIt) {
  Arena arena;
  std::size_t after_first = 0;
  for (int step = 0; step < 3; ++step) {
    arena.reset();
    for (Index n = 1; n < (Index{1} << 22); n *= 3) {
      float* p = arena.array<float>(n);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % kCacheLine, 0u);
      p[0] = p[n - 1] = 1.0f;
    }
    after_first = step == 0 ? arena.capacity() : after_first;
  }
  EXPECT_EQ(arena.capacity(), after_first);
}

TEST(ArenaTest, PiecesDoNotOverlap) {
  Arena arena;
  auto* a = arena.array<char>(100);
  auto* b = arena.array<char>(Index{5} << 20);
  auto* c = arena.array<char>(100);
  std::fill_n(a, 100, 'a');
  std::fill_n(b, Index{5} << 20, 'b');
  std::fill_n(c, 100, 'c');
  EXPECT_EQ(std::count(a, a + 100, 'a'), 100);
  EXPECT_EQ(std::count(b, b + (Index{5} << 20), 'b'), Index{5} << 20);
}

}  // namespace
}  // namespace normlab::nn
