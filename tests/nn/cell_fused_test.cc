// The fused float LSTM against the same cell composed of primitive ops in double, which finite differences check:
// values and every gradient, for all placements and norms that have a fused step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/kernels/lstm.h"
#include "nn/ops/elementwise.h"
#include "tests/nn/cell_testing.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn {
namespace {

struct CellRun {
  LstmSpec spec;
  UnrollShape shape;
  bool masked = false;
  bool zero_start = false;
  bool nan_upstream = false;  // the gradient of h_1's first value is not a number
  Mode mode = Mode::kTrain;   // kEvaluate after one pass of training
};

template <typename T>
Results run_cell(const CellRun& run) {
  const UnrollShape& s = run.shape;
  BasicParameterStore<T> store(3);
  BasicParameter<T>& x = store.add("x", {s.steps * s.batch, s.inputs}, spread(0.2, 1.0));
  BasicParameter<T>& h0 = store.add("h0", {s.batch, s.units}, run.zero_start ? init::zeros() : spread(0.0, 0.5));
  BasicParameter<T>& c0 = store.add("c0", {s.batch, s.units}, run.zero_start ? init::zeros() : spread(0.3, 1.0));
  const BasicScope<T> root(store);
  BasicLstm<T> lstm(root / "lstm", run.spec);
  scatter_gains_and_biases(store);
  const std::vector<T> mask = ragged_mask<T>(s.steps, s.batch);
  BasicTape<T> tape;
  poison(tape);
  const auto pass = [&](Mode mode) {
    return unroll<T>(lstm, tape.parameter(x), {.h = tape.parameter(h0), .c = tape.parameter(c0)}, s.steps,
                     run.masked ? mask.data() : nullptr, mode);
  };
  BasicVar<T> y = pass(Mode::kTrain);
  if (run.mode == Mode::kEvaluate) {
    tape.reset();
    y = pass(Mode::kEvaluate);
  }
  return backward_results(store, tape, y, run.nan_upstream);
}

const LstmPlacement kPlacements[] = {LstmPlacement::kTermsAndCell, LstmPlacement::kCell, LstmPlacement::kSumAndCell,
                                     LstmPlacement::kGatesAndCell};

class FusedLstmTest : public testing::TestWithParam<std::tuple<int, NormCase>> {
 protected:
  void TearDown() override { SetThreads(1); }
  LstmSpec spec(const UnrollShape& shape) const {
    return {.inputs = shape.inputs,
            .units = shape.units,
            .norm = std::get<1>(GetParam()).spec,
            .placement = kPlacements[std::get<0>(GetParam())],
            .forget_bias = 1.0};
  }
};
std::string CaseName(const testing::TestParamInfo<std::tuple<int, NormCase>>& info) {
  const char* names[] = {"TermsAndCell", "Cell", "SumAndCell", "GatesAndCell"};
  return std::string(names[std::get<0>(info.param)]) + std::get<1>(info.param).name;
}
INSTANTIATE_TEST_SUITE_P(Cells, FusedLstmTest,
                         testing::Combine(testing::Range(0, 4), testing::ValuesIn(row_norm_cases())), CaseName);

TEST_P(FusedLstmTest, FollowsTheComposedCellInDouble) {
  for (const UnrollShape shape : {UnrollShape{3, 5, 4, 3}, UnrollShape{1, 1, 1, 2}, UnrollShape{7, 33, 5, 6}}) {
    for (const bool masked : {false, true}) {
      const CellRun run{.spec = spec(shape), .shape = shape, .masked = masked};
      EXPECT_TRUE(Near(run_cell<float>(run), run_cell<double>(run), 3e-5)) << shape.units << " units";
    }
  }
}

// As many pieces of rows as there can be, whose sums of gain gradients are put together.
TEST_P(FusedLstmTest, FollowsTheComposedCellOverManyPieces) {
  const UnrollShape shape{.inputs = 5, .units = 157, .batch = 143, .steps = 2};
  const CellRun run{.spec = spec(shape), .shape = shape};
  EXPECT_TRUE(Near(run_cell<float>(run), run_cell<double>(run), 1e-4));
}

// A bound that most gradients of the gates' inputs exceed, so that one clipped elsewhere, or not, is found.
TEST_P(FusedLstmTest, ClipsTheGradientsOfTheGatesInputs) {
  const UnrollShape shape{.inputs = 3, .units = 19, .batch = 4, .steps = 3};
  CellRun run{.spec = spec(shape), .shape = shape};
  const Results free = run_cell<float>(run);
  run.spec.clip = 0.02;
  const Results clipped = run_cell<double>(run);
  EXPECT_TRUE(Near(run_cell<float>(run), clipped, 3e-5));
  EXPECT_FALSE(Near(free, clipped, 0.1)) << "nothing was clipped";
}

// Without a norm of its sums a cell keeps its gates where the sums were: not in memory of its caller's.
TEST(FusedLstm, SumsOfTheCallerAreNotOverwritten) {
  ParameterStore store(1);
  Lstm lstm(Scope(store) / "lstm", {.inputs = 3, .units = 2});
  Tape tape;
  const std::vector<float> sums(8, 0.5f);
  const auto zeros = lstm.zero_state(tape, 1);
  try {
    lstm.step(tape.input("sums", sums.data(), 8, 1), zeros, {.mode = Mode::kTrain});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("would overwrite 'sums', which is an input"));
  }
}

// A clip must not turn a gradient that is not a number into one that looks right.
TEST_P(FusedLstmTest, NaNPassesThroughTheClip) {
  const UnrollShape shape{.inputs = 3, .units = 19, .batch = 4, .steps = 3};
  CellRun run{.spec = spec(shape), .shape = shape, .nan_upstream = true};
  run.spec.clip = 0.02;
  const auto shows = [](const Results& results) {
    const std::vector<double>& dx = results.at("x");
    return std::any_of(dx.begin(), dx.end(), [](double v) { return std::isnan(v); });
  };
  EXPECT_TRUE(shows(run_cell<double>(run)));
  kernels::ForEachTarget([&](const std::string& target) { EXPECT_TRUE(shows(run_cell<float>(run))) << target; });
}

TEST_P(FusedLstmTest, FollowsTheComposedCellInFloatOnEveryInstructionSet) {
  const UnrollShape shape{.inputs = 4, .units = 19, .batch = 3, .steps = 3};
  CellRun run{.spec = spec(shape), .shape = shape};
  kernels::ForEachTarget([&](const std::string& target) {
    SCOPED_TRACE(target);
    run.spec.fused = false;
    const Results composed = run_cell<float>(run);
    run.spec.fused = true;
    EXPECT_TRUE(Near(run_cell<float>(run), composed, 3e-5));
  });
}

TEST_P(FusedLstmTest, AnyNumberOfThreadsGivesTheSameBits) {
  const UnrollShape shape{.inputs = 5, .units = 131, .batch = 130, .steps = 2};
  const CellRun run{.spec = spec(shape), .shape = shape, .masked = true};
  const Results one = run_cell<float>(run);
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_TRUE(run_cell<float>(run) == one) << threads << " threads";
  }
}

// The first step: h_0 = 0, so W_h h_0 has no variance at all. Values and gradients are finite, and right.
TEST_P(FusedLstmTest, StartsFromZeros) {
  const UnrollShape shape{.inputs = 3, .units = 17, .batch = 4, .steps = 3};
  const CellRun run{.spec = spec(shape), .shape = shape, .zero_start = true};
  const Results fast = run_cell<float>(run);
  for (const auto& [name, values] : fast) {
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) << name;
  }
  EXPECT_TRUE(Near(fast, run_cell<double>(run), 1e-4));
}

// Recurrent batch norm, which is fused by blocks of units: bit for bit what the cell composed of ops gives, running
// statistics included, so that it takes its place in experiments that were there first.
class BatchLstmTest : public testing::Test {
 protected:
  void TearDown() override { SetThreads(1); }

  static CellRun run(const UnrollShape& shape, bool masked = false) {
    return {.spec = {.inputs = shape.inputs, .units = shape.units, .norm = recurrent_batch_norm(shape.steps)},
            .shape = shape,
            .masked = masked};
  }
  static void expect_bits_of_the_composed_cell(CellRun run) {
    kernels::ForEachTarget([&](const std::string& target) {
      SCOPED_TRACE(target);
      run.spec.fused = false;
      const Results composed = run_cell<float>(run);
      run.spec.fused = true;
      const Results fused = run_cell<float>(run);
      for (const auto& [name, values] : composed) {
        EXPECT_EQ(fused.at(name), values) << name << ", " << run.shape.units << " units";
      }
    });
  }
};

TEST_F(BatchLstmTest, GivesTheBitsOfTheComposedCell) {
  for (const UnrollShape shape :
       {UnrollShape{3, 5, 4, 3}, UnrollShape{2, 1, 2, 2}, UnrollShape{7, 33, 5, 6}, UnrollShape{5, 131, 70, 2}}) {
    for (const bool masked : {false, true}) {
      for (const double clip : {0.0, 0.02}) {
        CellRun some = run(shape, masked);
        some.spec.clip = clip;
        expect_bits_of_the_composed_cell(some);
      }
    }
  }
}

TEST_F(BatchLstmTest, GivesTheBitsOfTheComposedCellWithUnbiasedVariances) {
  for (const bool masked : {false, true}) {
    CellRun some = run({.inputs = 3, .units = 19, .batch = 6, .steps = 4}, masked);
    std::get<BatchNorm>(some.spec.norm.kind).variance = BatchVariance::kUnbiased;
    expect_bits_of_the_composed_cell(some);
  }
}

TEST_F(BatchLstmTest, EvaluatesWithTheBitsOfTheComposedCell) {
  for (const bool masked : {false, true}) {
    CellRun some = run({.inputs = 4, .units = 37, .batch = 6, .steps = 5}, masked);
    some.mode = Mode::kEvaluate;
    expect_bits_of_the_composed_cell(some);
  }
}

// Ragged masks end with steps that one example has alone, which are normalised by what was kept: of three examples two
// have fewer steps.
TEST_F(BatchLstmTest, StepsOfOneExampleHaveTheBitsOfTheComposedCell) {
  expect_bits_of_the_composed_cell(run({.inputs = 4, .units = 19, .batch = 3, .steps = 4}, true));
}

TEST_F(BatchLstmTest, StartsFromZerosWithTheBitsOfTheComposedCell) {
  CellRun some = run({.inputs = 3, .units = 17, .batch = 4, .steps = 3});
  some.zero_start = true;
  expect_bits_of_the_composed_cell(some);
}

TEST_F(BatchLstmTest, FollowsTheComposedCellInDouble) {
  const CellRun some = run({.inputs = 7, .units = 33, .batch = 9, .steps = 6}, true);
  EXPECT_TRUE(Near(run_cell<float>(some), run_cell<double>(some), 1e-3));
}

TEST_F(BatchLstmTest, AnyNumberOfThreadsGivesTheSameBits) {
  const CellRun some = run({.inputs = 5, .units = 131, .batch = 70, .steps = 2}, true);
  const Results one = run_cell<float>(some);
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_TRUE(run_cell<float>(some) == one) << threads << " threads";
  }
}

TEST_F(BatchLstmTest, NaNPassesThroughTheClip) {
  CellRun some = run({.inputs = 3, .units = 19, .batch = 4, .steps = 3});
  some.spec.clip = 0.02;
  some.nan_upstream = true;
  kernels::ForEachTarget([&](const std::string& target) {
    const std::vector<double> dx = run_cell<float>(some).at("x");
    EXPECT_TRUE(std::any_of(dx.begin(), dx.end(), [](double v) { return std::isnan(v); })) << target;
  });
}

TEST_F(BatchLstmTest, AStepThatNoExampleHasIsAnError) {
  ParameterStore store(1);
  Lstm lstm(Scope(store) / "lstm", {.inputs = 2, .units = 3, .norm = recurrent_batch_norm(2)});
  Tape tape;
  const std::vector<float> values(8, 0.0f);
  const Var sums = lstm.input_sums(tape.input("x", values.data(), 2, 4));
  EXPECT_THROW(lstm.step(sums, lstm.zero_state(tape, 4), {}, tape.input("mask", values.data(), 1, 4)), Error);
}

// What the comparison is worth: a change in one gradient in its fifth digit is found.
TEST(FusedLstm, TheComparisonFindsASmallMistake) {
  const UnrollShape shape{3, 5, 4, 3};
  const CellRun run{.spec = {.inputs = 3, .units = 5, .norm = {.kind = LayerNorm{}}}, .shape = shape};
  const Results exact = run_cell<double>(run);
  for (const auto& [name, values] : exact) {
    Results wrong = exact;
    *std::max_element(wrong[name].begin(), wrong[name].end(),
                      [](double a, double b) { return std::abs(a) < std::abs(b); }) *= 1.0 + 1e-4;
    EXPECT_FALSE(Near(wrong, exact, 3e-5)) << name;
  }
}

}  // namespace
}  // namespace normlab::nn
