// The fused float GRU against the same cell composed of primitive ops in double, which finite differences check: values
// and every gradient, for all placements and norms that have a fused step.
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "base/parallel.h"
#include "nn/error.h"
#include "tests/nn/cell_testing.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn {
namespace {

struct GruRun {
  GruSpec spec;
  UnrollShape shape;
  bool masked = false;
  bool zero_start = false;
  bool nan_upstream = false;  // the gradient of h_1's first value is not a number
};

template <typename T>
Results run_gru(const GruRun& run) {
  const UnrollShape& s = run.shape;
  BasicParameterStore<T> store(3);
  BasicParameter<T>& x = store.add("x", {s.steps * s.batch, s.inputs}, spread(0.2, 1.0));
  BasicParameter<T>& h0 = store.add("h0", {s.batch, s.units}, run.zero_start ? init::zeros() : spread(0.0, 0.5));
  BasicGru<T> gru(BasicScope<T>(store) / "gru", run.spec);
  scatter_gains_and_biases(store);
  const std::vector<T> mask = ragged_mask<T>(s.steps, s.batch);
  BasicTape<T> tape;
  poison(tape);
  const BasicVar<T> y =
      unroll<T>(gru, tape.parameter(x), tape.parameter(h0), s.steps, run.masked ? mask.data() : nullptr);
  return backward_results(store, tape, y, run.nan_upstream);
}

const GruPlacement kPlacements[] = {GruPlacement::kTerms, GruPlacement::kSum, GruPlacement::kGates};

class FusedGruTest : public testing::TestWithParam<std::tuple<int, NormCase>> {
 protected:
  void TearDown() override { SetThreads(1); }
  GruSpec spec(const UnrollShape& shape) const {
    return {.inputs = shape.inputs,
            .units = shape.units,
            .norm = std::get<1>(GetParam()).spec,
            .placement = kPlacements[std::get<0>(GetParam())]};
  }
};
std::string CaseName(const testing::TestParamInfo<std::tuple<int, NormCase>>& info) {
  const char* names[] = {"Terms", "Sum", "Gates"};
  return std::string(names[std::get<0>(info.param)]) + std::get<1>(info.param).name;
}
INSTANTIATE_TEST_SUITE_P(Cells, FusedGruTest,
                         testing::Combine(testing::Range(0, 3), testing::ValuesIn(row_norm_cases())), CaseName);

TEST_P(FusedGruTest, FollowsTheComposedCellInDouble) {
  for (const UnrollShape shape : {UnrollShape{3, 5, 4, 3}, UnrollShape{1, 1, 1, 2}, UnrollShape{7, 33, 5, 6}}) {
    for (const bool masked : {false, true}) {
      const GruRun run{.spec = spec(shape), .shape = shape, .masked = masked};
      EXPECT_TRUE(Near(run_gru<float>(run), run_gru<double>(run), 3e-5)) << shape.units << " units";
    }
  }
}

// As many pieces of rows as there can be, whose sums of gain gradients are put together.
TEST_P(FusedGruTest, FollowsTheComposedCellOverManyPieces) {
  const UnrollShape shape{.inputs = 5, .units = 157, .batch = 143, .steps = 2};
  const GruRun run{.spec = spec(shape), .shape = shape};
  EXPECT_TRUE(Near(run_gru<float>(run), run_gru<double>(run), 1e-4));
}

TEST_P(FusedGruTest, FollowsTheComposedCellInFloatOnEveryInstructionSet) {
  const UnrollShape shape{.inputs = 4, .units = 19, .batch = 3, .steps = 3};
  GruRun run{.spec = spec(shape), .shape = shape};
  kernels::ForEachTarget([&](const std::string& target) {
    SCOPED_TRACE(target);
    run.spec.fused = false;
    const Results composed = run_gru<float>(run);
    run.spec.fused = true;
    EXPECT_TRUE(Near(run_gru<float>(run), composed, 3e-5));
  });
}

TEST_P(FusedGruTest, AnyNumberOfThreadsGivesTheSameBits) {
  const UnrollShape shape{.inputs = 5, .units = 131, .batch = 130, .steps = 2};
  const GruRun run{.spec = spec(shape), .shape = shape, .masked = true};
  const Results one = run_gru<float>(run);
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_TRUE(run_gru<float>(run) == one) << threads << " threads";
  }
}

// The first step: h_0 = 0, so W_h h_0 has no variance at all. Values and gradients are finite, and right.
TEST_P(FusedGruTest, StartsFromZeros) {
  const UnrollShape shape{.inputs = 3, .units = 17, .batch = 4, .steps = 3};
  const GruRun run{.spec = spec(shape), .shape = shape, .zero_start = true};
  const Results fast = run_gru<float>(run);
  for (const auto& [name, values] : fast) {
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) << name;
  }
  EXPECT_TRUE(Near(fast, run_gru<double>(run), 1e-4));
}

TEST_P(FusedGruTest, NaNPassesThrough) {
  const UnrollShape shape{.inputs = 3, .units = 19, .batch = 4, .steps = 3};
  const GruRun run{.spec = spec(shape), .shape = shape, .nan_upstream = true};
  kernels::ForEachTarget([&](const std::string& target) {
    const std::vector<double> dx = run_gru<float>(run).at("x");
    EXPECT_TRUE(std::any_of(dx.begin(), dx.end(), [](double v) { return std::isnan(v); })) << target;
  });
}

// A state whose gradient nobody wants, as that of the first step: the others are the same.
TEST_P(FusedGruTest, AConstantStateNeedsNoGradient) {
  ParameterStore store(3);
  Gru gru(Scope(store) / "gru", spec({.inputs = 3, .units = 9, .batch = 0, .steps = 0}));
  Parameter& x = store.add("x", {2, 3}, spread(0.2, 1.0));
  Parameter& zero = store.add("zero", {2, 9}, init::zeros());
  std::vector<std::vector<float>> gradients;
  for (const bool constant : {false, true}) {
    store.clear_gradients();
    Tape tape;
    const Var start = constant ? gru.zero_state(tape, 2) : tape.parameter(zero);
    const Var h = gru.step(gru.input_sums(tape.parameter(x)), start, {});
    const std::vector<float> cotangent(static_cast<std::size_t>(h.size()), 1.0f);
    tape.backward(h, cotangent.data());
    gradients.emplace_back(x.gradient(), x.gradient() + x.size());
  }
  EXPECT_EQ(gradients[0], gradients[1]);
}

TEST(FusedGru, AMaskOfAnotherShapeIsAnError) {
  ParameterStore store(1);
  Gru gru(Scope(store) / "gru", {.inputs = 2, .units = 3});
  Tape tape;
  const std::vector<float> values(8, 1.0f);
  const Var sums = gru.input_sums(tape.input("x", values.data(), 2, 4));
  EXPECT_THROW(gru.step(sums, gru.zero_state(tape, 4), {}, tape.input("mask", values.data(), 1, 3)), Error);
}

}  // namespace
}  // namespace normlab::nn
