#include "nn/parameter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

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
                    InitCase{"TorchUniform", init::torch_uniform(), 1.0 / std::sqrt(900.0), 1.0 / std::sqrt(300.0)}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace normlab::nn
