// How cells behave in a sequence: padded steps, statistics of each time step, invariances, where parameters start.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <span>

#include "nn/error.h"
#include "nn/ops/elementwise.h"
#include "tests/nn/cell_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

std::vector<double> values_of(DVar v) { return {v.data(), v.data() + v.size()}; }

double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  return worst;
}

// h_T of an LSTM over x (inputs x (T*B)), from zeros.
std::vector<double> outputs(BasicLstm<double>& lstm, const std::vector<double>& x, Index batch, Mode mode,
                            const double* mask = nullptr) {
  DTape tape(Recording::kOff);
  const Index cols = static_cast<Index>(x.size()) / lstm.spec().inputs;
  const DVar in = tape.input("x", x.data(), lstm.spec().inputs, cols);
  return values_of(unroll(lstm, in, lstm.zero_state(tape, batch), cols / batch, mask, mode));
}

std::vector<double> normals(std::size_t n, std::uint64_t seed) {
  Rng rng(seed, "x");
  std::vector<double> x(n);
  std::generate(x.begin(), x.end(), [&] { return rng.Normal(); });
  return x;
}

struct Cell {
  explicit Cell(const LstmSpec& spec) : lstm(BasicScope<double>(store), spec) { scatter(store); }

  BasicParameterStore<double> store{4};
  BasicLstm<double> lstm;
};

TEST(Padding, WhatStandsInPaddedStepsDoesNotMatter) {
  constexpr Index kBatch = 4, kSteps = 5, kInputs = 3;
  Cell cell({.inputs = kInputs, .units = 6, .norm = {.kind = LayerNorm{}}});
  const std::vector<double> mask = ragged_mask<double>(kSteps, kBatch);
  std::vector<double> x = normals(kInputs * kSteps * kBatch, 1);
  const std::vector<double> clean = outputs(cell.lstm, x, kBatch, Mode::kTrain, mask.data());
  const std::vector<double> unmasked = outputs(cell.lstm, x, kBatch, Mode::kTrain);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] += mask[i / kInputs] != 0.0 ? 0.0 : 1e6;
  }
  EXPECT_EQ(outputs(cell.lstm, x, kBatch, Mode::kTrain, mask.data()), clean);
  EXPECT_NE(unmasked, clean);
}

TEST(Padding, AShorterSequenceGivesWhatItGivesAlone) {
  Cell cell({.inputs = 2, .units = 5, .norm = {.kind = LayerNorm{}}, .placement = LstmPlacement::kCell});
  const std::vector<double> x = normals(2 * 5, 2);  // one example, five steps
  const std::vector<double> mask = {1, 1, 1, 0, 0};
  const std::vector<double> padded = outputs(cell.lstm, x, 1, Mode::kTrain, mask.data());
  const std::vector<double> alone = outputs(cell.lstm, {x.begin(), x.begin() + 2 * 3}, 1, Mode::kTrain);
  constexpr std::ptrdiff_t kState = 10;
  EXPECT_EQ(std::vector<double>(padded.begin(), padded.begin() + 3 * kState), alone);
  for (const std::ptrdiff_t t : {3, 4}) {
    EXPECT_TRUE(std::equal(alone.end() - kState, alone.end(), padded.begin() + t * kState));
  }
}

// The last of four steps is one example's alone, which is normalised with the third step's statistics.
TEST(Padding, BatchNormCountsNoPaddedStep) {
  constexpr Index kBatch = 3, kSteps = 4, kInputs = 3, kUnits = 6;
  const std::vector<double> mask = {1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0};
  std::vector<double> x = normals(kInputs * kSteps * kBatch, 1), other = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    other[i] += mask[i / kInputs] != 0.0 ? 0.0 : 1e6;
  }
  for (const LstmPlacement placement : {LstmPlacement::kTermsAndCell, LstmPlacement::kSumAndCell}) {
    const LstmSpec spec = {
        .inputs = kInputs, .units = kUnits, .norm = recurrent_batch_norm(kSteps), .placement = placement};
    Cell cell(spec), same(spec);
    const std::vector<double> clean = outputs(cell.lstm, x, kBatch, Mode::kTrain, mask.data());
    EXPECT_EQ(outputs(same.lstm, other, kBatch, Mode::kTrain, mask.data()), clean);
    EXPECT_TRUE(std::all_of(clean.begin(), clean.end(), [](double v) { return std::isfinite(v); }));
    const auto statistics = cell.store.list_buffers(), repeated = same.store.list_buffers();
    for (std::size_t i = 0; i < statistics.size(); ++i) {
      EXPECT_TRUE(std::equal(statistics[i].data, statistics[i].data + statistics[i].size, repeated[i].data))
          << statistics[i].name;
    }
    EXPECT_EQ(outputs(cell.lstm, x, kBatch, Mode::kEvaluate, mask.data()),
              outputs(cell.lstm, other, kBatch, Mode::kEvaluate, mask.data()));
  }
}

class RecurrentBatchNorm : public testing::Test {
 protected:
  static constexpr Index kBatch = 8, kSteps = 4, kInputs = 3;
  static NormSpec norm() {
    NormSpec spec = recurrent_batch_norm(kSteps);
    std::get<BatchNorm>(spec.kind).decay = 0.0;  // the statistics of the last batch alone
    return spec;
  }
  std::span<double> buffer(const std::string& name) {
    for (const NamedArray<double>& b : cell_.store.list_buffers()) {
      if (b.name == name) {
        return {b.data, static_cast<std::size_t>(b.size)};
      }
    }
    ADD_FAILURE() << "no buffer " << name;
    return {};
  }

  Cell cell_{{.inputs = kInputs, .units = 5, .norm = norm()}};
};

TEST_F(RecurrentBatchNorm, StartsWithGainOneTenthAndNoBiasInTheTerms) {
  BasicParameterStore<double> store(1);
  BasicLstm<double> lstm(BasicScope<double>(store), {.inputs = kInputs, .units = 5, .norm = norm()});
  EXPECT_EQ(store.at("recurrent.norm.gain").value()[3], 0.1);
  EXPECT_EQ(store.at("cell.norm.gain").value()[3], 0.1);
  EXPECT_THROW(store.at("recurrent.norm.bias"), Error);
  EXPECT_EQ(store.at("cell.norm.bias").size(), 5);
}

TEST_F(RecurrentBatchNorm, EachStepEvaluatesWithItsOwnStatistics) {
  const std::vector<double> x = normals(kInputs * kSteps * kBatch, 3);
  const std::vector<double> trained = outputs(cell_.lstm, x, kBatch, Mode::kTrain);
  EXPECT_LT(worst_difference(outputs(cell_.lstm, x, kBatch, Mode::kEvaluate), trained), 1e-12);
  // The statistics of two steps mixed up.
  const std::span<double> means = buffer("recurrent.norm.mean");
  std::swap_ranges(means.begin() + 20, means.begin() + 40, means.begin() + 40);
  EXPECT_GT(worst_difference(outputs(cell_.lstm, x, kBatch, Mode::kEvaluate), trained), 1e-3);
}

TEST_F(RecurrentBatchNorm, StepsBeyondTheLongestSequenceUseItsLastStatistics) {
  const std::vector<double> x = normals(kInputs * kSteps * kBatch, 4);
  outputs(cell_.lstm, {x.begin(), x.begin() + 2 * kInputs * kBatch}, kBatch, Mode::kTrain);  // two of four steps
  const std::vector<double> longer = outputs(cell_.lstm, x, kBatch, Mode::kEvaluate);
  // The same by hand: the second step's statistics in the third's and fourth's place.
  for (const char* site : {"recurrent", "input", "cell"}) {
    for (const char* kind : {"mean", "variance"}) {
      const std::span<double> data = buffer(std::string(site) + ".norm." + kind);
      const auto step = static_cast<std::ptrdiff_t>(data.size()) / kSteps;
      std::copy_n(data.begin() + step, step, data.begin() + 2 * step);
      std::copy_n(data.begin() + step, step, data.begin() + 3 * step);
    }
    buffer(std::string(site) + ".norm.trained_steps")[0] = kSteps;
  }
  EXPECT_EQ(outputs(cell_.lstm, x, kBatch, Mode::kEvaluate), longer);
}

TEST_F(RecurrentBatchNorm, TrainingBeyondTheStatisticsIsAnError) {
  const std::vector<double> x = normals(kInputs * (kSteps + 1) * kBatch, 5);
  try {
    outputs(cell_.lstm, x, kBatch, Mode::kTrain);
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("training at time step 4 with statistics for 4 steps; raise time_steps"));
  }
}

// [LN table 1] for a cell: each term is normalised by itself, so neither weight's scale matters, nor an example's.
TEST(CellInvariance, NormalizedTermsDoNotSeeTheScaleOfWeightsOrExamples) {
  constexpr Index kBatch = 2, kInputs = 3;
  Cell cell({.inputs = kInputs, .units = 6, .norm = {.kind = LayerNorm{.eps = {.value = 1e-18}}}});
  std::vector<double> x = normals(kInputs * 4 * kBatch, 6);
  // From a first step on that is not zero: LN(W_h 0) has only eps to divide by, at any scale of W_h.
  const std::vector<double> before = outputs(cell.lstm, x, kBatch, Mode::kTrain);
  for (const auto& [name, factor] : {std::pair{"recurrent.weight", 3.0}, std::pair{"input.weight", 0.25}}) {
    BasicParameter<double>& w = cell.store.at(name);
    std::transform(w.value(), w.value() + w.size(), w.value(), [f = factor](double v) { return f * v; });
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] *= i / kInputs % kBatch == 0 ? 7.0 : 1.0;
  }
  EXPECT_LT(worst_difference(outputs(cell.lstm, x, kBatch, Mode::kTrain), before), 1e-9);
}

TEST(CellInvariance, ExamplesDoNotSeeEachOtherUnlessByBatchNorm) {
  constexpr Index kBatch = 3, kInputs = 2;
  for (const NormCase& norm : norm_cases(3)) {
    Cell cell({.inputs = kInputs, .units = 4, .norm = norm.spec});
    std::vector<double> x = normals(kInputs * 3 * kBatch, 7);
    const std::vector<double> before = outputs(cell.lstm, x, kBatch, Mode::kTrain);
    x[0] += 1.0;  // of the first example
    const std::vector<double> after = outputs(cell.lstm, x, kBatch, Mode::kTrain);
    const auto other = static_cast<std::ptrdiff_t>(before.size()) / kBatch;
    EXPECT_EQ(std::equal(before.begin() + other, before.end(), after.begin() + other),
              !std::holds_alternative<BatchNorm>(norm.spec.kind))
        << norm.name;
  }
}

TEST(Lstm, ParameterCountsAreThePapers) {
  const auto count = [](const LstmSpec& spec) {
    BasicParameterStore<double> store(1);
    BasicLstm<double> lstm(BasicScope<double>(store), spec);
    Index n = 0;
    for (BasicParameter<double>& p : store.parameters()) {
      n += p.size();
    }
    return n;
  };
  constexpr Index kIn = 60, kUnits = 400;
  const Index plain = 4 * kUnits * (kUnits + kIn + 1);
  EXPECT_EQ(count({.inputs = kIn, .units = kUnits}), plain);
  EXPECT_EQ(count({.inputs = kIn, .units = kUnits, .norm = {.kind = LayerNorm{}}}), plain + 18 * kUnits);
  EXPECT_EQ(count({.inputs = kIn, .units = kUnits, .norm = {.kind = LayerNorm{}}, .placement = LstmPlacement::kCell}),
            plain + 2 * kUnits);
  EXPECT_EQ(count({.inputs = kIn, .units = kUnits, .peepholes = true}), plain + 3 * kUnits);
}

TEST(Lstm, TheForgetBiasIsTheForgetGatesAlone) {
  BasicParameterStore<double> store(1);
  BasicLstm<double> lstm(BasicScope<double>(store), {.inputs = 1, .units = 2, .forget_bias = 1.5});
  const double* b = store.at("bias").value();
  EXPECT_THAT(std::vector<double>(b, b + 8), testing::ElementsAre(1.5, 1.5, 0, 0, 0, 0, 0, 0));
}

// Before its norm.
TEST(Lstm, TheSecondBiasIsInTheInputTerm) {
  BasicParameterStore<double> store(1);
  BasicLstm<double> once(BasicScope<double>(store) / "once", {.inputs = 3, .units = 2});
  BasicLstm<double> twice(BasicScope<double>(store) / "twice", {.inputs = 3, .units = 2, .bias_twice = true});
  scatter(store);
  for (const char* name : {"input.weight", "bias"}) {
    BasicParameter<double>&from = store.at("once." + std::string(name)), &to = store.at("twice." + std::string(name));
    std::copy_n(from.value(), from.size(), to.value());
  }
  DTape tape;
  const std::vector<double> x = {0.5, -1.0, 2.0, 0.1, 0.2, 0.3};
  const BasicVar<double> input = tape.input("x", x.data(), 3, 2);
  const BasicVar<double> plain = once.input_sums(input), with_bias = twice.input_sums(input);
  for (Index i = 0; i < plain.size(); ++i) {
    EXPECT_DOUBLE_EQ(with_bias.data()[i], plain.data()[i] + store.at("once.bias").value()[i % 8]);
  }
}

TEST(Lstm, SitesAreAllOfItsNorms) {
  BasicParameterStore<double> store(1);
  const auto count = [&](const char* name, LstmPlacement placement) {
    return BasicLstm<double>(BasicScope<double>(store) / name,
                             {.inputs = 3, .units = 2, .norm = {.kind = LayerNorm{}}, .placement = placement})
        .sites()
        .size();
  };
  EXPECT_EQ(count("terms", LstmPlacement::kTermsAndCell), 3u);
  EXPECT_EQ(count("sum", LstmPlacement::kSumAndCell), 4u);
  EXPECT_EQ(count("gates", LstmPlacement::kGatesAndCell), 7u);
}

TEST(Lstm, ShapesThatDoNotFitAreNamed) {
  BasicParameterStore<double> store(1);
  BasicLstm<double> lstm(BasicScope<double>(store), {.inputs = 3, .units = 2});
  DTape tape;
  try {
    lstm.step(tape.zeros(6, 4), lstm.zero_state(tape, 4), {});
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "lstm: 'zeros' is 6 x 4 and 'zeros' is 2 x 4; expected input sums of 4H x B for a state of H x B");
  }
  EXPECT_THROW(lstm.input_sums(tape.zeros(4, 1)), Error);
  EXPECT_THROW(lstm.step(tape.zeros(8, 4), lstm.zero_state(tape, 4), {}, tape.zeros(1, 3)), Error);
}

}  // namespace
}  // namespace normlab::nn
