#include "nn/parameter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/layers/linear.h"

namespace normlab::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Listing(const std::vector<NamedValues>& arrays) {
  std::vector<std::string> lines;
  for (const NamedValues& a : arrays) {
    lines.push_back(fmt::format("{} {}", a.name, fmt::join(a.shape, " ")));
  }
  return lines;
}

// Names are the keys of checkpoints and of published weights; a shape too wide would train, and be wrong.
TEST(Parameter, GoldenNamesAndShapesOfEachKind) {
  const auto parameters = [](NormKind kind, std::vector<std::string>* buffers = nullptr) {
    ParameterStore store(1);
    const Linear layer(Scope(store) / "hidden1", 784, 1000, {.kind = kind});
    if (buffers != nullptr) {
      *buffers = Listing(store.list_buffers());
    }
    return Listing(store.list_parameters());
  };
  EXPECT_THAT(parameters(NoNorm{}), ElementsAre("hidden1.weight 1000 784", "hidden1.bias 1000"));
  EXPECT_THAT(parameters(LayerNorm{}),
              ElementsAre("hidden1.weight 1000 784", "hidden1.norm.gain 1000", "hidden1.norm.bias 1000"));
  EXPECT_THAT(parameters(RmsNorm{}),
              ElementsAre("hidden1.weight 1000 784", "hidden1.norm.gain 1000", "hidden1.norm.bias 1000"));
  EXPECT_THAT(parameters(WeightNorm{}),
              ElementsAre("hidden1.weight 1000 784", "hidden1.norm.gain 1000", "hidden1.bias 1000"));
  std::vector<std::string> buffers;
  EXPECT_THAT(parameters(BatchNorm{}, &buffers),
              ElementsAre("hidden1.weight 1000 784", "hidden1.norm.gain 1000", "hidden1.norm.bias 1000"));
  EXPECT_THAT(buffers, ElementsAre("hidden1.norm.mean 1000", "hidden1.norm.variance 1000"));
}

TEST(Parameter, ADuplicateNameIsAnError) {
  ParameterStore store(1);
  const Scope scope = Scope(store) / "a";
  scope.vector("b", 2, init::zeros());
  for (const auto& again : std::vector<std::function<void()>>{[&] { scope.vector("b", 3, init::zeros()); },
                                                              [&] { Scope(store).buffer("a.b", 3, 0.0f); }}) {
    try {
      again();
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("'a.b' exists already"));
    }
  }
}

TEST(Parameter, AnUnknownNameIsAnErrorThatListsWhatThereIs) {
  ParameterStore store(1);
  store.add("weight", {2}, init::zeros());
  try {
    store.at("wieght");
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("'wieght'"), HasSubstr("there is weight")));
  }
}

TEST(Parameter, AnEmptyShapeIsAnError) {
  ParameterStore store(1);
  EXPECT_THROW(store.add("w", {3, 0}, init::zeros()), Error);
  EXPECT_THROW(store.add("w", {}, init::zeros()), Error);
}

TEST(Parameter, AKernelIsAMatrixOfItsTapsAsAVar) {
  ParameterStore store(1);
  Parameter& kernel = (Scope(store) / "conv1").tensor("weight", {4, 5, 3, 2}, {.in = 30, .out = 60}, init::zeros());
  EXPECT_EQ(kernel.rows(), 5 * 3 * 2);
  EXPECT_EQ(kernel.cols(), 4);
  EXPECT_EQ(kernel.size(), 4 * 5 * 3 * 2);
  EXPECT_THAT(Listing(store.list_parameters()), ElementsAre("conv1.weight 4 5 3 2"));
}

TEST(Parameter, FansAreThoseStatedElseThoseOfTheMatrixOrVector) {
  ParameterStore store(1);
  Fans seen;
  const Initializer look = [&](Rng&, Fans fans, std::span<double>) { seen = fans; };
  const auto fans_of = [&](const char* name, std::vector<std::int64_t> shape, std::optional<Fans> stated = {}) {
    store.add(name, std::move(shape), look, stated);
    return std::pair(seen.in, seen.out);
  };
  EXPECT_EQ(fans_of("matrix", {3, 4}), std::pair(Index{4}, Index{3}));
  EXPECT_EQ(fans_of("vector", {5}), std::pair(Index{5}, Index{5}));
  EXPECT_EQ(fans_of("kernel", {4, 5, 3, 2}, Fans{.in = 30, .out = 60}), std::pair(Index{30}, Index{60}));
  EXPECT_EQ(fans_of("tied", {3, 7}, Fans{.in = 1, .out = 2}), std::pair(Index{1}, Index{2}));
  try {
    fans_of("unknown", {2, 3, 4});
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("'unknown' has shape [2, 3, 4], which does not tell its fans; state them"));
  }
}

// The bits of a seed are those of every stored run.
TEST(Parameter, InitialValuesOfMatricesAndVectorsAreWhatTheyWere) {
  BasicParameterStore<double> store(7);
  const auto sum = [&](const char* name, std::vector<std::int64_t> shape, const Initializer& initializer) {
    BasicParameter<double>& p = store.add(name, std::move(shape), initializer);
    return std::accumulate(p.value(), p.value() + p.size(), 0.0);
  };
  EXPECT_EQ(sum("hidden1.weight", {3, 4}, init::glorot_uniform()), -0x1.6ce552265cef5p+1);
  EXPECT_EQ(sum("hidden1.bias", {5}, init::torch_uniform()), -0x1.c82f3851732b2p-3);
}

// A baseline and a normalised model have different parameters before hidden2, and must start from the same weights.
TEST(Parameter, InitialValuesDependOnSeedAndNameAlone) {
  ParameterStore plain(7), normalized(7), other_seed(8);
  const Linear a(Scope(plain) / "hidden1", 5, 4, {.kind = NoNorm{}});
  const Linear b(Scope(normalized) / "hidden1", 5, 4, {.kind = BatchNorm{}});
  const auto weights = [](ParameterStore& store, const char* name) {
    Parameter& w = store.add(name, {3, 4}, init::glorot_uniform());
    return std::vector<float>(w.value(), w.value() + w.size());
  };
  const std::vector<float> w = weights(plain, "hidden2.weight");
  EXPECT_EQ(w, weights(normalized, "hidden2.weight"));
  EXPECT_NE(w, weights(other_seed, "hidden2.weight"));
  EXPECT_NE(w, weights(plain, "hidden3.weight"));
}

TEST(Parameter, FloatStartsFromTheRoundedDoubles) {
  ParameterStore narrow(7);
  BasicParameterStore<double> wide(7);
  narrow.add("w", {3, 4}, init::glorot_normal());
  wide.add("w", {3, 4}, init::glorot_normal());
  for (Index i = 0; i < 12; ++i) {
    EXPECT_EQ(narrow.values()[i], static_cast<float>(wide.values()[i]));
  }
}

TEST(Parameter, ValuesSurviveTheGrowthOfTheStore) {
  ParameterStore store(1);
  Parameter& first = store.add("first", {3}, init::constant(4.0));
  for (int i = 0; i < 50; ++i) {
    store.add(fmt::format("p{}", i), {100}, init::constant(i));
  }
  EXPECT_EQ(first.value()[2], 4.0f);
  EXPECT_EQ(store.at("p49").value()[99], 49.0f);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(store.at("p49").value()) % kCacheLine, 0u);
}

// Each block of as many rows as there are inputs.
TEST(Orthogonal, BlocksAreOrthogonalAndAsLongAsTheScale) {
  for (const Index in : {1, 2, 7, 64, 129}) {
    BasicParameterStore<double> store(1);
    const double* w = store.add("w", {3 * in, in}, init::orthogonal(0.5)).value();
    for (Index i = 0; i < 3 * in; ++i) {
      for (Index j = i / in * in; j < i / in * in + in; ++j) {
        const double product = std::inner_product(w + i * in, w + (i + 1) * in, w + j * in, 0.0);
        ASSERT_NEAR(product, i == j ? 0.25 : 0.0, 1e-12) << in << ": " << i << ", " << j;
      }
    }
    EXPECT_NE(w[0], w[in * in]);
  }
}

// The threads have no part in the bits, and neither have other processors' caches or instructions.
TEST(Orthogonal, IsTheSameForAnyThreads) {
  std::vector<std::vector<float>> all;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    ParameterStore store(7);
    const Parameter& w = store.add("w", {120, 60}, init::orthogonal());
    all.emplace_back(store.values(), store.values() + w.size());
  }
  SetThreads(1);
  EXPECT_THAT(all, testing::Each(all[0]));
}

// A uniformly drawn one has no direction that it likes: the mean of its values is 0, and their deviation 1 / sqrt(n).
TEST(Orthogonal, HasNoDirection) {
  BasicParameterStore<double> store(1);
  const BasicParameter<double>& w = store.add("w", {200, 200}, init::orthogonal());
  const double sum = std::accumulate(store.values(), store.values() + w.size(), 0.0);
  EXPECT_LT(std::abs(sum), 5.0 * std::sqrt(200.0));
  double trace = 0.0;
  for (Index i = 0; i < 200; ++i) {
    trace += store.values()[i * 200 + i];
  }
  EXPECT_LT(std::abs(trace), 5.0);
}

TEST(Orthogonal, RefusesOtherShapes) {
  ParameterStore store(1);
  EXPECT_THROW(store.add("w", {3, 2}, init::orthogonal()), Error);
  EXPECT_THROW(store.add("v", {2, 3}, init::orthogonal()), Error);
}

struct InitCase {
  const char* name;
  Initializer initializer;
  double deviation;  // of 300 inputs and 200 outputs
  double bound;      // no value lies beyond
};

class InitTest : public testing::TestWithParam<InitCase> {};

// 60,000 draws: the standard error of the deviation is 0.3 %.
TEST_P(InitTest, HasTheDeviationAndBoundOfItsFormula) {
  BasicParameterStore<double> store(1);
  BasicParameter<double>& w = store.add("w", {200, 300}, GetParam().initializer);
  double sum = 0.0, squares = 0.0, largest = 0.0;
  for (Index i = 0; i < w.size(); ++i) {
    sum += w.value()[i];
    squares += w.value()[i] * w.value()[i];
    largest = std::max(largest, std::abs(w.value()[i]));
  }
  const auto n = static_cast<double>(w.size());
  EXPECT_NEAR(std::sqrt(squares / n), GetParam().deviation, 0.015 * GetParam().deviation);
  EXPECT_NEAR(sum / n, 0.0, 5.0 * GetParam().deviation / std::sqrt(n));
  EXPECT_LE(largest, GetParam().bound);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, InitTest,
    testing::Values(InitCase{"GlorotUniform", init::glorot_uniform(), std::sqrt(2.0 / 500), std::sqrt(6.0 / 500)},
                    InitCase{"GlorotNormal", init::glorot_normal(), std::sqrt(2.0 / 500), 1.0},
                    InitCase{"HeNormal", init::he_normal(), std::sqrt(2.0 / 300), 1.0},
                    InitCase{"Normal", init::normal(0.03), 0.03, 1.0},
                    InitCase{"TorchUniform", init::torch_uniform(), 1.0 / std::sqrt(900.0), 1.0 / std::sqrt(300.0)}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace normlab::nn
