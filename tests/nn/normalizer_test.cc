// The strategies behind one interface: running and population statistics, and whole layers by gradient check.
#include "nn/normalizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "nn/error.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/elementwise.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

const Step kTrain{.mode = Mode::kTrain};
const Step kEvaluate{.mode = Mode::kEvaluate};

struct KindCase {
  const char* name;
  NormSpec spec;
};

class LayerGradient : public testing::TestWithParam<KindCase> {};
INSTANTIATE_TEST_SUITE_P(
    Kinds, LayerGradient,
    testing::Values(KindCase{"None", {.kind = NoNorm{}}}, KindCase{"Batch", {.kind = BatchNorm{}}},
                    KindCase{"BatchUnbiased", {.kind = BatchNorm{.variance = BatchVariance::kUnbiased}}},
                    KindCase{"Layer", {.kind = LayerNorm{}}},
                    KindCase{"Weight", {.kind = WeightNorm{}, .affine = {.gain_init = 0.7}}},
                    KindCase{"Rms", {.kind = RmsNorm{}}},
                    KindCase{"RmsEpsOutside", {.kind = RmsNorm{.eps = {0.1, EpsPlacement::kOutsideSqrt}}}},
                    KindCase{"BatchEpsOutside", {.kind = BatchNorm{.eps = {0.1, EpsPlacement::kOutsideSqrt}}}}),
    [](const auto& info) { return info.param.name; });

// Two layers in a row, so that gradients also flow through a normalizer into the layer below.
TEST_P(LayerGradient, TwoLayersAreRightInTraining) {
  Inputs in;
  in.normal("x", 4, 6);
  const BasicScope<double> root(in.store());
  BasicLinear<double> first(root / "first", 4, 5, GetParam().spec), second(root / "second", 5, 3, GetParam().spec);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return second(tanh(first(in.on(t, "x"), kTrain)), kTrain); }));
}

// The output of relu(layer(x)), whose gradients under sum(y^2) stay in the store.
template <typename T>
std::vector<T> run_layer(BasicParameterStore<T>& store, const NormSpec& spec) {
  constexpr Index kIn = 33, kOut = 65, kBatch = 19;
  const Initializer spread = [](Rng& rng, Fans, std::span<double> values) {
    std::generate(values.begin(), values.end(), [&] { return rng.Normal(); });
  };
  BasicParameter<T>& x = store.add("x", {kBatch, kIn}, spread);
  BasicLinear<T> layer(BasicScope<T>(store), kIn, kOut, spec, spread);
  BasicTape<T> tape;
  const BasicVar<T> y = relu(layer(tape.parameter(x), kTrain));
  tape.backward(sum(y * y));
  return std::vector<T>(y.data(), y.data() + y.size());
}

TEST_P(LayerGradient, FloatFollowsDouble) {
  ParameterStore narrow(5);
  BasicParameterStore<double> wide(5);
  const std::vector<float> fast = run_layer(narrow, GetParam().spec);
  const std::vector<double> exact = run_layer(wide, GetParam().spec);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    ASSERT_NEAR(fast[i], exact[i], 1e-4 * std::max(1.0, std::abs(exact[i])));
  }
  for (auto& p : wide.parameters()) {
    const double* gradient = p.gradient();
    const double scale = std::abs(
        *std::max_element(gradient, gradient + p.size(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
    for (Index i = 0; i < p.size(); ++i) {
      ASSERT_NEAR(narrow.at(p.name()).gradient()[i], gradient[i], 1e-4 * scale) << p.name() << "[" << i << "]";
    }
  }
}

// --- Batch norm's statistics ---

class BatchStatisticsTest : public testing::Test {
 protected:
  static constexpr Index kUnits = 3;

  // The summed inputs of examples begin .. end-1 of a fixed data set, around 1000.
  DVar examples(DTape& tape, Index begin, Index end) {
    if (data_.empty()) {
      Rng rng(2, "data");
      std::generate_n(std::back_inserter(data_), kUnits * 100, [&] { return 1000.0 + rng.Normal(); });
    }
    return tape.input("a", data_.data() + begin * kUnits, kUnits, end - begin);
  }
  double direct_mean(Index unit, Index n) const {
    double sum = 0.0;
    for (Index b = 0; b < n; ++b) {
      sum += data_[static_cast<std::size_t>(b * kUnits + unit)];
    }
    return sum / static_cast<double>(n);
  }
  double direct_variance(Index unit, Index n) const {
    double squares = 0.0;
    for (Index b = 0; b < n; ++b) {
      squares += std::pow(data_[static_cast<std::size_t>(b * kUnits + unit)] - direct_mean(unit, n), 2);
    }
    return squares / static_cast<double>(n);
  }
  const double* kept(std::size_t which) { return store_.list_buffers()[which].data; }  // 0 mean, 1 variance

  BasicParameterStore<double> store_{1};
  BasicScope<double> root_{store_};
  DTape tape_;
  std::vector<double> data_;
};

TEST_F(BatchStatisticsTest, RunningAveragesDecay) {
  const auto norm = make_normalizer<double>({.kind = BatchNorm{.decay = 0.8}}, root_, {kUnits});
  norm->sums(examples(tape_, 0, 10), kTrain);
  EXPECT_NEAR(kept(0)[1], 0.2 * direct_mean(1, 10), 1e-9);
  EXPECT_NEAR(kept(1)[1], 0.8 + 0.2 * direct_variance(1, 10), 1e-9);
  norm->sums(examples(tape_, 0, 10), kTrain);
  EXPECT_NEAR(kept(0)[1], (0.8 * 0.2 + 0.2) * direct_mean(1, 10), 1e-9);
}

TEST_F(BatchStatisticsTest, RunningAveragesTakeTheVarianceTrainingUsed) {
  const auto norm =
      make_normalizer<double>({.kind = BatchNorm{.variance = BatchVariance::kUnbiased, .decay = 0.0}}, root_, {kUnits});
  norm->sums(examples(tape_, 0, 4), kTrain);
  EXPECT_NEAR(kept(1)[0], direct_variance(0, 4) * 4.0 / 3.0, 1e-9);
}

// A biased variance of one example is 0: what is left is the bias. In a sequence such a step has no statistics of its own
// (cell_fused_test.cc).
TEST_F(BatchStatisticsTest, OneExampleOutsideOfSequencesIsABatch) {
  const auto norm = make_normalizer<double>({.kind = BatchNorm{}}, root_, {kUnits});
  EXPECT_EQ(norm->sums(examples(tape_, 0, 1), kTrain).data()[0], 0.0);
  const auto unbiased =
      make_normalizer<double>({.kind = BatchNorm{.variance = BatchVariance::kUnbiased}}, root_ / "unbiased", {kUnits});
  EXPECT_THROW(unbiased->sums(examples(tape_, 0, 1), kTrain), Error);
}

TEST_F(BatchStatisticsTest, EvaluationUsesAndKeepsTheRunningAverages) {
  const auto norm = make_normalizer<double>({.kind = BatchNorm{.eps = {0.0}, .decay = 0.0}}, root_, {kUnits});
  norm->sums(examples(tape_, 0, 10), kTrain);
  const double mean = kept(0)[0], variance = kept(1)[0];
  const DVar y = norm->sums(examples(tape_, 50, 51), kEvaluate);
  EXPECT_NEAR(y.data()[0], (data_[50 * kUnits] - mean) / std::sqrt(variance), 1e-9);
  EXPECT_EQ(kept(0)[0], mean);
}

TEST_F(BatchStatisticsTest, PopulationIsExactForAnyCutIntoBatches) {
  const auto norm =
      make_normalizer<double>({.kind = BatchNorm{.statistics = BatchStatistics::kPopulation}}, root_, {kUnits});
  for (const Index batch : {1, 7, 100}) {
    norm->begin_population();
    for (Index b = 0; b < 100; b += batch) {
      norm->sums(examples(tape_, b, std::min<Index>(b + batch, 100)), kEvaluate);
    }
    norm->end_population();
    for (Index unit = 0; unit < kUnits; ++unit) {
      EXPECT_NEAR(kept(0)[unit], direct_mean(unit, 100), 1e-10) << batch;
      EXPECT_NEAR(kept(1)[unit], direct_variance(unit, 100), 1e-10) << batch;
    }
  }
}

TEST_F(BatchStatisticsTest, TrainingLeavesPopulationStatisticsAlone) {
  const auto norm =
      make_normalizer<double>({.kind = BatchNorm{.statistics = BatchStatistics::kPopulation}}, root_, {kUnits});
  norm->sums(examples(tape_, 0, 10), kTrain);
  EXPECT_EQ(kept(0)[0], 0.0);
  EXPECT_EQ(kept(1)[0], 1.0);
}

// Each batch counts once, whatever it holds; statistics of an earlier average are forgotten.
TEST_F(BatchStatisticsTest, AveragesAreOfTheBatchesSinceTheyBegan) {
  const auto norm =
      make_normalizer<double>({.kind = BatchNorm{.statistics = BatchStatistics::kAverages}}, root_, {kUnits});
  BasicNormalizer<double>* sites[] = {norm.get()};
  for (const Index begin : {40, 0}) {
    average_statistics<double>(sites, [&] {
      norm->sums(examples(tape_, begin, begin + 10), kTrain);
      norm->sums(examples(tape_, begin, begin + 30), kTrain);
    });
  }
  EXPECT_NEAR(kept(0)[1], (direct_mean(1, 10) + direct_mean(1, 30)) / 2, 1e-9);
  EXPECT_NEAR(kept(1)[1], (direct_variance(1, 10) + direct_variance(1, 30)) / 2, 1e-9);
  norm->sums(examples(tape_, 60, 90), kTrain);  // training between two averages changes nothing
  EXPECT_NEAR(kept(0)[1], (direct_mean(1, 10) + direct_mean(1, 30)) / 2, 1e-9);
}

// A step counts the batches that reached it; steps that none reached are evaluated with the last that one did.
TEST_F(BatchStatisticsTest, AveragesAreOfEachStep) {
  const auto norm = make_normalizer<double>(
      {.kind = BatchNorm{.statistics = BatchStatistics::kAverages, .time_steps = 3}}, root_, {kUnits});
  BasicNormalizer<double>* sites[] = {norm.get()};
  const auto train = [&](Index time, Index end) {
    norm->sums(examples(tape_, 0, end), {.mode = Mode::kTrain, .time = time});
  };
  average_statistics<double>(sites, [&] {
    train(2, 50);
    train(0, 50);
  });  // of another length: forgotten
  average_statistics<double>(sites, [&] {
    train(0, 10);
    train(1, 10);
    train(0, 30);
  });
  EXPECT_NEAR(kept(0)[0], (direct_mean(0, 10) + direct_mean(0, 30)) / 2, 1e-9);
  EXPECT_NEAR(kept(0)[kUnits], direct_mean(0, 10), 1e-9);
  const auto evaluate = [&](Index time) {
    return norm->sums(examples(tape_, 70, 71), {.mode = Mode::kEvaluate, .time = time}).data()[0];
  };
  EXPECT_NE(evaluate(0), evaluate(1));
  EXPECT_EQ(evaluate(2), evaluate(1));
}

TEST_F(BatchStatisticsTest, AveragesOfNothingAreAnError) {
  const auto norm =
      make_normalizer<double>({.kind = BatchNorm{.statistics = BatchStatistics::kAverages}}, root_, {kUnits});
  const auto other = make_normalizer<double>({.kind = BatchNorm{}}, root_ / "other", {kUnits});
  BasicNormalizer<double>* sites[] = {norm.get()};
  EXPECT_THROW(average_statistics<double>(sites, [] {}), Error);
  BasicNormalizer<double>* others[] = {other.get()};
  average_statistics<double>(others, [] { FAIL() << "no site wants it"; });
}

TEST_F(BatchStatisticsTest, AnEmptyPopulationIsAnError) {
  const auto norm =
      make_normalizer<double>({.kind = BatchNorm{.statistics = BatchStatistics::kPopulation}}, root_, {kUnits});
  norm->begin_population();
  EXPECT_THROW(norm->end_population(), Error);
}

// The inputs of the second site depend on the statistics of the first. After recompute_population, evaluating the whole
// data set gives every site's normalised sums mean 0 and variance 1: the statistics are the data set's own.
TEST_F(BatchStatisticsTest, RecomputeGoesThroughTheNetworkSiteBySite) {
  const NormSpec spec{.kind = BatchNorm{.eps = {0.0}, .statistics = BatchStatistics::kPopulation}};
  BasicLinear<double> first(root_ / "first", kUnits, 4, spec), second(root_ / "second", 4, 2, spec);
  BasicLinear<double> plain(root_ / "plain", 2, 2, {});
  const auto forward = [&](Index begin, Index end) {
    const DVar h = tanh(first(examples(tape_, begin, end), kEvaluate));
    const DVar n = second(h, kEvaluate);
    (void)plain(n, kEvaluate);
    return n;
  };
  BasicNormalizer<double>* sites[] = {&first.normalizer(), &second.normalizer(), &plain.normalizer()};
  std::vector<std::size_t> passes;
  recompute_population<double>(sites, [&](std::size_t site) {
    passes.push_back(site);
    for (Index b = 0; b < 100; b += 20) {
      forward(b, b + 20);
    }
  });
  EXPECT_EQ(passes, (std::vector<std::size_t>{0, 1}));
  const DVar n = forward(0, 100);
  for (Index unit = 0; unit < 2; ++unit) {
    double sum = 0.0, squares = 0.0;
    for (Index b = 0; b < 100; ++b) {
      sum += n.data()[2 * b + unit];
      squares += n.data()[2 * b + unit] * n.data()[2 * b + unit];
    }
    EXPECT_NEAR(sum, 0.0, 1e-9);
    EXPECT_NEAR(squares / 100.0, 1.0, 1e-9);
  }
}

// --- Weight norm ---

TEST(WeightNorm, UnitsStartWithTheLengthOfTheGain) {
  BasicParameterStore<double> store(1);
  BasicParameter<double>& v = store.add("v", {4, 9}, init::he_normal());
  const auto norm =
      make_normalizer<double>({.kind = WeightNorm{}, .affine = {.gain_init = 1.5}}, BasicScope<double>(store), {4});
  DTape tape;
  const DVar w = norm->weight(tape.parameter(v));
  for (Index unit = 0; unit < 4; ++unit) {
    double squares = 0.0;
    for (Index i = 0; i < 9; ++i) {
      squares += w.data()[unit * 9 + i] * w.data()[unit * 9 + i];
    }
    EXPECT_NEAR(std::sqrt(squares), 1.5, 1e-14);
  }
}

}  // namespace
}  // namespace normlab::nn
