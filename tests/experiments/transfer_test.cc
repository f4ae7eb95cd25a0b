// What sentence vectors are judged by: the solver against scikit-learn, cross-validation, relatedness, and which sets are there.
#include "experiments/skip_thoughts/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/skip_thoughts/correlation.h"
#include "experiments/skip_thoughts/cross_validation.h"
#include "experiments/skip_thoughts/logistic_regression.h"
#include "experiments/skip_thoughts/relatedness.h"
#include "nn/error.h"
#include "small_text.h"
#include "testing.h"
#include "transfer_numbers.h"

namespace normlab {
namespace {

using reference::kExamples;
using reference::kFeatures;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

// --- Logistic regression ---

// The reference's examples with a feature that is 1.
template <typename T>
std::vector<T> Examples() {
  std::vector<T> x;
  for (const auto& example : reference::kX) {
    x.insert(x.end(), example, example + kFeatures);
    x.push_back(T{1});
  }
  return x;
}

// Problem 0 has the examples whose number 3 does not divide, problem 1 all.
std::vector<std::uint8_t> PartAndAll() {
  std::vector<std::uint8_t> parts;
  for (int i = 0; i < kExamples; ++i) {
    parts.insert(parts.end(), {static_cast<std::uint8_t>(i % 3 != 0 ? 1 : 0), std::uint8_t{1}});
  }
  return parts;
}

template <typename T>
void ExpectTheReference(double tolerance, double error) {
  const std::vector<T> x = Examples<T>();
  LogisticRegressions<T> regressions(x, kFeatures + 1, reference::kLabels, PartAndAll(), 2);
  for (const reference::Fit& fit : reference::kFits) {
    regressions.Fit(std::vector<double>(2, fit.c), tolerance);
    const double* w = regressions.weights().data();
    for (int i = 0; i <= kFeatures; ++i) {
      EXPECT_NEAR(w[i], fit.part[i], error) << "C = " << fit.c << ", weight " << i;
      EXPECT_NEAR(w[kFeatures + 1 + i], fit.all[i], error) << "C = " << fit.c << ", weight " << i;
    }
  }
}

TEST(LogisticRegressions, FindTheWeightsOfScikitLearn) { ExpectTheReference<double>(1e-10, 1e-5); }

TEST(LogisticRegressions, FindThemInFloat) { ExpectTheReference<float>(1e-6, 2e-2); }

TEST(LogisticRegressions, GiveTheMarginsOfTheirWeights) {
  const std::vector<double> x = Examples<double>();
  LogisticRegressions<double> regressions(x, kFeatures + 1, reference::kLabels, PartAndAll(), 2);
  regressions.Fit(std::vector<double>{1.0, 4.0});
  for (const int example : {0, 77, 149}) {
    for (const int problem : {0, 1}) {
      const double margin =
          std::inner_product(x.begin() + example * (kFeatures + 1), x.begin() + (example + 1) * (kFeatures + 1),
                             regressions.weights().begin() + problem * (kFeatures + 1), 0.0);
      EXPECT_NEAR(regressions.margins()[static_cast<std::size_t>(2 * example + problem)], margin, 1e-9);
    }
  }
}

// Each is what it is alone, whatever stands beside it.
TEST(LogisticRegressions, ProblemsDoNotMeet) {
  const std::vector<double> x = Examples<double>();
  LogisticRegressions<double> both(x, kFeatures + 1, reference::kLabels, PartAndAll(), 2);
  LogisticRegressions<double> alone(x, kFeatures + 1, reference::kLabels,
                                    std::vector<std::uint8_t>(static_cast<std::size_t>(kExamples), 1), 1);
  both.Fit(std::vector<double>{256.0, 2.0}, 1e-11);
  alone.Fit(std::vector<double>{2.0}, 1e-11);
  for (std::size_t i = 0; i <= kFeatures; ++i) {
    EXPECT_NEAR(both.weights()[kFeatures + 1 + i], alone.weights()[i], 1e-7);
  }
}

TEST(LogisticRegressions, AreTheSameForAnyThreads) {
  std::vector<std::vector<double>> all;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    const std::vector<float> x = Examples<float>();
    LogisticRegressions<float> regressions(x, kFeatures + 1, reference::kLabels, PartAndAll(), 2);
    regressions.Fit(std::vector<double>{1.0, 64.0});
    all.push_back(regressions.weights());
  }
  SetThreads(1);
  EXPECT_THAT(all, Each(all[0]));
}

// Without a bound on w the loss could always be less; C keeps it.
TEST(LogisticRegressions, EndOnExamplesThatALineDivides) {
  const std::vector<float> x = {-2.0f, -1.0f, 1.0f, 2.0f};
  const std::vector<std::uint8_t> labels = {0, 0, 1, 1};
  LogisticRegressions<float> regressions(x, 1, labels, {1, 1, 1, 1}, 1);
  EXPECT_LT(regressions.Fit(std::vector<double>{1e6}, 1e-6), 200);
  EXPECT_GT(regressions.weights()[0], 5.0);
  EXPECT_TRUE(std::isfinite(regressions.weights()[0]));
}

TEST(LogisticRegressions, RefuseSizesThatDoNotFit) {
  const std::vector<float> x(6);
  const std::vector<std::uint8_t> labels = {0, 1, 1};
  EXPECT_THROW(LogisticRegressions<float>(x, 3, labels, {1, 1, 1}, 1), nn::Error);
  EXPECT_THROW(LogisticRegressions<float>(x, 2, labels, {1, 1}, 1), nn::Error);
  LogisticRegressions<float> one(x, 2, labels, {1, 1, 1}, 1);
  EXPECT_THROW(one.Fit(std::vector<double>{1.0, 2.0}), nn::Error);
}

// --- Cross-validation ---

TEST(NestedCrossValidation, HasTheAccuraciesAndChoicesOfScikitLearn) {
  SentenceVectors vectors{.units = kFeatures, .values = {}};
  for (const auto& example : reference::kX) {
    vectors.values.insert(vectors.values.end(), example, example + kFeatures);
  }
  const CrossValidation result = NestedCrossValidation(vectors, reference::kLabels);
  EXPECT_THAT(result.c, ElementsAreArray(reference::kChosen));
  ASSERT_EQ(result.accuracies.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(result.accuracies[i], reference::kAccuracies[i], 1e-12) << i;
  }
}

TEST(NestedCrossValidation, MeanAndDeviationAreOverTheParts) {
  const CrossValidation result{.accuracies = {0.5, 1.0, 0.75, 0.75}, .c = {}};
  EXPECT_NEAR(result.Mean(), 0.75, 1e-12);
  EXPECT_NEAR(result.Deviation(), std::sqrt(0.125 / 4), 1e-12);
}

// Labels that have nothing to do with the vectors, 103 of them, which ten does not divide.
TEST(NestedCrossValidation, FindsNothingInNoise) {
  Rng rng(1, "noise");
  SentenceVectors vectors{.units = 5, .values = std::vector<float>(515)};
  std::generate(vectors.values.begin(), vectors.values.end(), [&] { return static_cast<float>(rng.Normal()); });
  std::vector<std::uint8_t> labels(103);
  std::generate(labels.begin(), labels.end(), [&] { return static_cast<std::uint8_t>(rng.Below(2)); });
  const CrossValidation result = NestedCrossValidation(vectors, labels);
  EXPECT_GT(result.Mean(), 0.3);
  EXPECT_LT(result.Mean(), 0.7);
}

// --- Correlation ---

TEST(Correlation, IsThatOfSciPy) {
  EXPECT_NEAR(Pearson(reference::kU, reference::kV), reference::kPearson, 1e-12);
  EXPECT_NEAR(Spearman(reference::kU, reference::kV), reference::kSpearman, 1e-12);
}

TEST(Correlation, OfConstantsIsNone) {
  const std::vector<double> x = {1.0, 1.0, 1.0}, y = {1.0, 2.0, 3.0};
  EXPECT_EQ(Pearson(x, y), 0.0);
  EXPECT_EQ(Spearman(x, y), 0.0);
  EXPECT_NEAR(MeanSquaredError(x, y), 5.0 / 3.0, 1e-12);
}

// --- Relatedness ---

TEST(Relatedness, TargetsAreThoseOfTaiEtAl) {
  EXPECT_THAT(RelatednessTarget(1.0), ElementsAre(1, 0, 0, 0, 0));
  EXPECT_THAT(RelatednessTarget(5.0), ElementsAre(0, 0, 0, 0, 1));
  const auto near = [](double v) { return testing::DoubleNear(v, 1e-12); };
  EXPECT_THAT(RelatednessTarget(3.6), ElementsAre(0, 0, near(0.4), near(0.6), 0));
  EXPECT_THAT(RelatednessTarget(1.25), ElementsAre(near(0.75), near(0.25), 0, 0, 0));
}

// Pairs whose relatedness is how far their first values are apart.
RatedPairs Rated(std::uint64_t part, std::size_t count) {
  Rng rng(5, "pairs", part);
  RatedPairs pairs{.u = {.units = 3, .values = {}}, .v = {.units = 3, .values = {}}, .relatedness = {}};
  for (std::size_t i = 0; i < count; ++i) {
    const double distance = rng.Uniform();
    pairs.u.values.insert(pairs.u.values.end(), {0.5f, static_cast<float>(rng.Normal()), 0.0f});
    pairs.v.values.insert(pairs.v.values.end(),
                          {static_cast<float>(0.5 + distance), static_cast<float>(rng.Normal()), 0.0f});
    pairs.relatedness.push_back(5.0 - 4.0 * distance);
  }
  return pairs;
}

TEST(Relatedness, IsLearnedFromDistances) {
  const RatedPairs train = Rated(0, 300), development = Rated(1, 60), test = Rated(2, 60);
  const Relatedness result = MeasureRelatedness(train, development, test, 1);
  EXPECT_GT(result.pearson, 0.97);
  EXPECT_GT(result.spearman, 0.97);
  EXPECT_GT(result.development, 0.97);
  EXPECT_LT(result.mse, 0.2);
  EXPECT_EQ(MeasureRelatedness(train, development, test, 1).pearson, result.pearson);
}

// --- What is recorded ---

// As the released evaluation: the end of a sentence is read for pairs alone, and what is sorted by label is shuffled.
TEST(TransferEvaluation, ReadsEndsForPairsAlone) {
  const SkipThoughtsData data = SmallText(60, 42);
  nn::ParameterStore store(5);
  SkipThoughts network(nn::Scope(store), {.words = 42, .word_size = 8, .units = 6});
  nn::Parameter& words = store.at("embedding.weight");  // larger than at first, so that each word tells
  std::transform(words.value(), words.value() + words.size(), words.value(), [](float v) { return 20.0f * v; });
  SentenceEncoder encoder(network);
  MemoryRecorder recorder;
  Transfer(data.transfer, data.vocabulary).Evaluate(encoder, 7, recorder);
  EXPECT_THAT(recorder.Steps("transfer/mr"), ElementsAre(7));
  std::vector<std::string> texts;
  std::vector<std::uint8_t> labels;
  for (const std::uint32_t i : Rng(1234, "transfer").Permutation(120)) {
    texts.push_back(data.transfer.sets.at("mr")[i].text);
    labels.push_back(static_cast<std::uint8_t>(data.transfer.sets.at("mr")[i].label));
  }
  const auto accuracy = [&](Ending ending) {
    const CrossValidation result = NestedCrossValidation(encoder.Encode(texts, data.vocabulary, ending), labels);
    return std::pair(result.Mean(), result.Deviation());
  };
  const std::pair recorded(recorder.Values("transfer/mr")[0], recorder.Values("transfer/mr_deviation")[0]);
  EXPECT_EQ(recorded, accuracy(Ending::kNone));
  EXPECT_NE(recorded, accuracy(Ending::kEnd));
  const auto pearson = [&](Ending ending) {
    const auto rated = [&](const std::vector<data::SickPair>& pairs, const std::vector<std::uint32_t>& order) {
      std::vector<std::string> a, b;
      std::vector<double> relatedness;
      for (const std::uint32_t i : order) {
        a.push_back(pairs[i].a);
        b.push_back(pairs[i].b);
        relatedness.push_back(pairs[i].relatedness);
      }
      return RatedPairs{.u = encoder.Encode(a, data.vocabulary, ending),
                        .v = encoder.Encode(b, data.vocabulary, ending),
                        .relatedness = relatedness};
    };
    std::vector<std::uint32_t> as_they_are(40);
    std::iota(as_they_are.begin(), as_they_are.end(), 0u);
    const data::SickData& sick = *data.transfer.sick;
    return MeasureRelatedness(rated(sick.train, Rng(1234, "transfer").Permutation(80)), rated(sick.trial, as_they_are),
                              rated(sick.test, as_they_are), 1234)
        .pearson;
  };
  EXPECT_EQ(recorder.Values("transfer/sick_pearson")[0], pearson(Ending::kEnd));
  EXPECT_NE(recorder.Values("transfer/sick_pearson")[0], pearson(Ending::kNone));
}

// --- What is there ---

TEST(LoadTransfer, SaysOnceWhatIsNotThereUnlessItIsRequired) {
  std::map<std::string, std::string> facts;
  const auto loaded = LoadTransfer({"/nonexistent"}, false, &facts);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(loaded->sets.empty());
  EXPECT_FALSE(loaded->sick.has_value());
  for (const char* name : {"transfer.mr", "transfer.cr", "transfer.subj", "transfer.mpqa", "transfer.sick"}) {
    EXPECT_EQ(facts[name], "not here, not measured") << name;
  }
  EXPECT_TRUE(Transfer(*loaded, data::Vocabulary({})).empty());
  const absl::Status required = LoadTransfer({"/nonexistent"}, true, nullptr).status();
  EXPECT_EQ(required.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(required.message()), HasSubstr("mr"));
}

}  // namespace
}  // namespace normlab
