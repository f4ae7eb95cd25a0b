// Norms of convolutional sites, where an example has several positions: what each kind takes its statistics over, and
// which of them are the same function.
#include "nn/ops/group_norm.h"

#include <gmock/gmock.h>

#include "nn/error.h"
#include "nn/normalizer.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/pointwise.h"
#include "tests/nn/norm_testing.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

const Step kTrain{.mode = Mode::kTrain};

std::string SiteName(const testing::TestParamInfo<Site>& info) {
  return std::to_string(info.param.units) + "x" + std::to_string(info.param.positions) + "in" +
         std::to_string(info.param.groups);
}

// --- The op ---

class GroupNormOp : public testing::TestWithParam<Site> {
 protected:
  static constexpr Index kBatch = 3;
  const Site site_ = GetParam();
};
INSTANTIATE_TEST_SUITE_P(Sites, GroupNormOp,
                         testing::Values(Site{1, 1, 1}, Site{6, 1, 2}, Site{5, 7, 1}, Site{5, 7, 5}, Site{6, 9, 3},
                                         Site{6, 4, 2}, Site{1, 13, 1}),
                         SiteName);

const std::vector<NormEps> kEps = {{1e-2}, {0.1}, {0.1, EpsPlacement::kOutsideSqrt}};

TEST_P(GroupNormOp, GradientsAreRight) {
  Inputs in;
  in.normal("a", site_.units, kBatch * site_.positions).vector("gain", site_.units).vector("bias", site_.units);
  const auto on = [&](DTape& t, const char* name) { return in.on(t, name); };
  for (const bool center : {true, false}) {
    for (const NormEps eps : kEps) {
      if (eps.placement == EpsPlacement::kOutsideSqrt && site_.units / site_.groups * site_.positions == 1 && center) {
        continue;  // no deviation: it has no slope
      }
      EXPECT_TRUE(GradientIsRight(
          in, [&](DTape& t) { return group_norm(site_, center, on(t, "a"), on(t, "gain"), on(t, "bias"), eps); }));
    }
    EXPECT_TRUE(
        GradientIsRight(in, [&](DTape& t) { return group_norm(site_, center, on(t, "a"), {}, on(t, "bias"), {0.1}); }));
    // As one term among others, so that its gradient is added.
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
      const DVar a = on(t, "a");
      return a * group_norm(site_, center, a, on(t, "gain"), {}, {0.1});
    }));
  }
}

// The equation as it stands, value by value.
TEST_P(GroupNormOp, GivesTheEquation) {
  Inputs in;
  in.normal("a", site_.units, kBatch * site_.positions, 3.0).vector("gain", site_.units).vector("bias", site_.units);
  const double *a = in["a"].value(), *gain = in["gain"].value(), *bias = in["bias"].value();
  const auto at = [&](Index b, Index p, Index c) { return a[(b * site_.positions + p) * site_.units + c]; };
  const Index width = site_.units / site_.groups;
  for (const bool center : {true, false}) {
    DTape tape;
    const DVar y = group_norm(site_, center, in.on(tape, "a"), in.on(tape, "gain"), in.on(tape, "bias"), {1e-2});
    for (Index i = 0; i < y.size(); ++i) {
      const Index c = i % site_.units, p = i / site_.units % site_.positions, b = i / site_.units / site_.positions;
      const double n = static_cast<double>(width * site_.positions);
      double mean = 0, variance = 0;
      for (Index k = 0; center && k < width * site_.positions; ++k) {
        mean += at(b, k / width, c / width * width + k % width) / n;
      }
      for (Index k = 0; k < width * site_.positions; ++k) {
        variance += std::pow(at(b, k / width, c / width * width + k % width) - mean, 2) / n;
      }
      ASSERT_NEAR(y.data()[i], gain[c] * (at(b, p, c) - mean) / std::sqrt(variance + 1e-2) + bias[c], 1e-12) << i;
    }
  }
}

TEST(GroupNormFloat, FollowsDoubleOnAnyThreads) {
  for (const Site site : {Site{1, 1, 1}, Site{3, 5, 3}, Site{96, 1, 4}, Site{130, 9, 10}, Site{32, 200, 1},
                          Site{24, 131, 4}, Site{67, 70, 67}, Site{192, 36, 6}}) {
    for (const bool center : {true, false}) {
      for (const NormEps eps : kEps) {
        if (site.units == 1 && eps.placement == EpsPlacement::kOutsideSqrt) {
          continue;  // no deviation
        }
        const std::vector<Given> given = {
            {"a", site.units, 5 * site.positions, 2.0}, {"gain", site.units, 1}, {"bias", site.units, 1}};
        const auto op = [&](auto& store) {
          return [&](auto& t) {
            return group_norm(site, center, t.parameter(store.at("a")), t.parameter(store.at("gain")),
                              t.parameter(store.at("bias")), eps);
          };
        };
        const std::vector<float> fast = output_and_gradients<float>(given, op);
        ASSERT_TRUE(Follows(fast, output_and_gradients<double>(given, op), 1e-4))
            << site.units << " x " << site.positions << " in " << site.groups << ", center " << center;
        ASSERT_TRUE(SameOnAnyThreads([&] { return output_and_gradients<float>(given, op); }));
      }
    }
  }
}

// E[a^2] - E[a]^2 has nothing left at such a mean.
TEST(GroupNormFloat, KeepsItsDigitsWhenTheMeanIsLarge) {
  constexpr Site kSite{12, 300, 4};
  const std::vector<Given> given = {{"a", kSite.units, 2 * kSite.positions, 1e4}};
  const auto op = [&](auto& store) {
    return [&](auto& t) { return group_norm(kSite, true, t.parameter(store.at("a")), {}, {}); };
  };
  const std::vector<float> fast = output_and_gradients<float>(given, op);
  const std::vector<double> exact = output_and_gradients<double>(given, op);
  for (Index i = 0; i < 2 * kSite.positions * kSite.units; ++i) {
    ASSERT_NEAR(fast[static_cast<std::size_t>(i)], exact[static_cast<std::size_t>(i)], 2e-3) << i;
  }
}

TEST(GroupNorm, ConstantGroupsGiveTheBiasAndAFiniteGradient) {
  for (const EpsPlacement place : {EpsPlacement::kInsideSqrt, EpsPlacement::kOutsideSqrt}) {
    for (const double value : {0.0, 5.0}) {
      ParameterStore store(1);
      Tape tape;
      Parameter& a = store.add("a", {18, 4}, init::constant(value));
      Parameter& bias = store.add("bias", {4}, init::glorot_uniform());
      const Var y = group_norm({4, 9, 2}, true, tape.parameter(a), {}, tape.parameter(bias), {1e-5, place});
      std::vector<float> cotangent(72);
      for (std::size_t i = 0; i < cotangent.size(); ++i) {
        EXPECT_EQ(y.data()[i], bias.value()[i % 4]);
        cotangent[i] = std::sin(static_cast<float>(i));
      }
      tape.backward(y, cotangent.data());
      EXPECT_TRUE(std::all_of(a.gradient(), a.gradient() + 72, [](float g) { return std::isfinite(g); }));
    }
  }
}

TEST(GroupNorm, ShapesThatDoNotFitAreAnError) {
  const float values[36] = {};
  Tape tape;
  const Var a = tape.input("a", values, 4, 9), gain = tape.input("gain", values, 3, 1);
  const auto message = [&](const Site& site, Var g) -> std::string {
    try {
      (void)group_norm(site, true, a, g, {});
      return "no error";
    } catch (const Error& e) {
      return e.what();
    }
  };
  const std::string expected = "group_norm: 'a' is 4 x 9; expected ";
  EXPECT_EQ(message({4, 2, 2}, {}), expected + "4 units, which 2 groups share evenly, at 2 positions of each example");
  EXPECT_EQ(message({4, 3, 3}, {}), expected + "4 units, which 3 groups share evenly, at 3 positions of each example");
  EXPECT_EQ(message({6, 3, 3}, {}), expected + "6 units, which 3 groups share evenly, at 3 positions of each example");
  EXPECT_THAT(message({4, 3, 2}, gain), testing::StartsWith("group_norm: 'a' is 4 x 9 and 'gain' is 3 x 1; expected"));
}

// --- The kinds ---

struct KindCase {
  const char* name;
  NormKind kind;
};

class NormOfPositions : public testing::TestWithParam<KindCase> {
 protected:
  static constexpr Site kSite{.units = 6, .positions = 8};
};
INSTANTIATE_TEST_SUITE_P(
    Kinds, NormOfPositions,
    testing::Values(KindCase{"None", NoNorm{}}, KindCase{"Batch", BatchNorm{}},
                    KindCase{"BatchUnbiased", BatchNorm{.variance = BatchVariance::kUnbiased}},
                    KindCase{"LayerAll", LayerNorm{}}, KindCase{"LayerElement", LayerNorm{.per_element = true}},
                    KindCase{"LayerPosition", LayerNorm{.over = NormOver::kPosition}},
                    KindCase{"LayerPositions", LayerNorm{.over = NormOver::kPositions}}, KindCase{"RmsAll", RmsNorm{}},
                    KindCase{"RmsElement", RmsNorm{.per_element = true}},
                    KindCase{"RmsPosition", RmsNorm{.over = NormOver::kPosition}},
                    KindCase{"RmsPositions", RmsNorm{.over = NormOver::kPositions}},
                    KindCase{"Group", GroupNorm{.groups = 3}},
                    KindCase{"GroupEpsOutside", GroupNorm{.groups = 2, .eps = {0.1, EpsPlacement::kOutsideSqrt}}},
                    KindCase{"Instance", InstanceNorm{}}, KindCase{"Weight", WeightNorm{}}),
    [](const auto& info) { return info.param.name; });

template <typename T>
auto summed_by(const NormSpec& spec, const Site& site, Mode mode = Mode::kTrain) {
  return [=](BasicParameterStore<T>& store) {
    const std::shared_ptr<BasicNormalizer<T>> norm = make_normalizer(spec, BasicScope<T>(store, "site"), site);
    return [&store, norm, mode](BasicTape<T>& t) {
      const BasicVar<T> gain = norm->outside() ? t.parameter(store.at("gain")) : BasicVar<T>();
      return norm->sums(t.parameter(store.at("a")), {.mode = mode}, {gain, {}});
    };
  };
}

TEST_P(NormOfPositions, GradientsAreRight) {
  Inputs in;
  in.normal("a", kSite.units, 2 * kSite.positions, 1.0).normal("gain", kSite.units, 2);
  const auto own = summed_by<double>({.kind = GetParam().kind}, kSite)(in.store());
  Rng rng(4, "move");
  for (BasicParameter<double>& p : in.store().parameters()) {
    std::for_each_n(p.value(), p.size(), [&](double& v) { v += rng.Uniform(-0.3, 0.3); });
  }
  EXPECT_TRUE(GradientIsRight(in, own));
  const NormSpec adaptive{.kind = GetParam().kind, .affine = {.source = AffineSource::kOutside}};
  Inputs other;
  other.normal("a", kSite.units, 2 * kSite.positions, 1.0).normal("gain", kSite.units, 2);
  EXPECT_TRUE(GradientIsRight(other, summed_by<double>(adaptive, kSite)(other.store())));
}

TEST_P(NormOfPositions, FloatFollowsDoubleOnAnyThreads) {
  constexpr Site kWide{.units = 42, .positions = 77};
  const std::vector<Given> given = {{"a", kWide.units, 7 * kWide.positions, 2.0}, {"gain", kWide.units, 7}};
  for (const AffineSource source : {AffineSource::kOwn, AffineSource::kOutside}) {
    const NormSpec spec{.kind = GetParam().kind, .affine = {.source = source}};
    const auto run = [&] { return output_and_gradients<float>(given, summed_by<float>(spec, kWide)); };
    EXPECT_TRUE(Follows(run(), output_and_gradients<double>(given, summed_by<double>(spec, kWide)), 1e-4));
    EXPECT_TRUE(SameOnAnyThreads(run));
  }
}

template <typename T>
class SameFunction : public testing::Test {
 protected:
  static constexpr Site kSite{.units = 12, .positions = 35};
  static constexpr Index kBatch = 4;

  // Output and gradients of an own affine part; of one that moves alike, for the names are.
  std::vector<T> of(const NormKind& kind, const Site& site = kSite) {
    return output_and_gradients<T>({{"a", site.units, kBatch * kSite.positions, 1.0}},
                                   summed_by<T>({.kind = kind}, site));
  }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(SameFunction, Scalars);

TYPED_TEST(SameFunction, OneGroupIsLayerNormOverAll) {
  EXPECT_EQ(this->of(GroupNorm{.groups = 1}), this->of(LayerNorm{}));
  EXPECT_NE(this->of(GroupNorm{.groups = 2}), this->of(LayerNorm{}));
}

TYPED_TEST(SameFunction, AsManyGroupsAsUnitsAreInstanceNorm) {
  EXPECT_EQ(this->of(GroupNorm{.groups = 12}), this->of(InstanceNorm{}));
  EXPECT_EQ(this->of(LayerNorm{.over = NormOver::kPositions}), this->of(InstanceNorm{}));
  EXPECT_NE(this->of(GroupNorm{.groups = 6}), this->of(InstanceNorm{}));
}

TYPED_TEST(SameFunction, LayerNormOfAPositionIsThatOfAColumn) {
  constexpr Site kColumns{.units = 12};
  EXPECT_EQ(this->of(LayerNorm{.over = NormOver::kPosition}), this->of(LayerNorm{}, kColumns));
  EXPECT_EQ(this->of(RmsNorm{.over = NormOver::kPosition}), this->of(RmsNorm{}, kColumns));
  EXPECT_NE(this->of(LayerNorm{.over = NormOver::kPosition}), this->of(LayerNorm{}));
}

TYPED_TEST(SameFunction, BatchNormInTwoDimensionsIsThatOfColumns) {
  EXPECT_EQ(this->of(BatchNorm{}), this->of(BatchNorm{}, Site{.units = 12}));
}

// Over all of an example at once, as over the values of one long column, which other code normalises: gains of elements
// that agree within a channel say the same as gains of channels.
TYPED_TEST(SameFunction, LayerNormOverAllIsThatOfTheLongColumn) {
  using T = TypeParam;
  constexpr Site kSite = TestFixture::kSite;
  const auto bare = [&](bool per_element, bool center) {
    const NormKind kind =
        center ? NormKind(LayerNorm{.per_element = per_element}) : NormKind(RmsNorm{.per_element = per_element});
    return output_and_gradients<T>({{"a", kSite.units, 4 * kSite.positions, 1.0}},
                                   summed_by<T>({.kind = kind, .affine = {.source = AffineSource::kNone}}, kSite));
  };
  const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;
  for (const bool center : {true, false}) {
    const std::vector<T> groups = bare(false, center), column = bare(true, center);
    ASSERT_EQ(groups.size(), column.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
      ASSERT_NEAR(groups[i], column[i], tolerance * std::max<T>(1, std::abs(column[i]))) << i;
    }
  }
}

TEST(NormSites, PerElementHasAGainForEachUnitAtEachPosition) {
  ParameterStore store(1);
  const Scope scope(store);
  (void)make_normalizer<float>({.kind = LayerNorm{}}, scope / "channel", {.units = 3, .positions = 4});
  (void)make_normalizer<float>({.kind = LayerNorm{.per_element = true}}, scope / "element",
                               {.units = 3, .positions = 4});
  EXPECT_EQ(store.at("channel.norm.gain").size(), 3);
  EXPECT_EQ(store.at("element.norm.gain").size(), 12);
  EXPECT_EQ(store.at("element.norm.bias").size(), 12);
}

TEST(NormSites, WhatASiteHasNoRoomForIsAnError) {
  const auto message = [](const NormKind& kind, const Site& site) -> std::string {
    ParameterStore store(1);
    try {
      (void)make_normalizer<float>({.kind = kind}, Scope(store), site);
      return "no error";
    } catch (const Error& e) {
      return e.what();
    }
  };
  EXPECT_EQ(message(GroupNorm{.groups = 4}, {.units = 10, .positions = 9}),
            "group norm: 4 groups of 10 units; expected groups that share the units evenly");
  EXPECT_THAT(message(GroupNorm{.groups = 0}, {.units = 10}), testing::StartsWith("group norm: 0 groups of 10 units"));
  const std::string one = ": statistics over the positions of a site that has 1; expected several";
  EXPECT_THAT(message(InstanceNorm{}, {.units = 10}), testing::StartsWith("instance norm" + one));
  EXPECT_THAT(message(LayerNorm{.over = NormOver::kPositions}, {.units = 10}), testing::StartsWith("layer norm" + one));
  EXPECT_THAT(message(RmsNorm{.over = NormOver::kPosition, .per_element = true}, {.units = 10, .positions = 4}),
              testing::StartsWith("rms norm: a gain for each element with statistics over a part of them"));
}

// Statistics of an image data set, over all positions of all examples, whatever the cut into batches.
TEST(NormSites, PopulationStatisticsOfTwoDimensions) {
  constexpr Site kSite{.units = 3, .positions = 10};
  constexpr Index kExamples = 24;
  Rng rng(2, "data");
  std::vector<double> data(static_cast<std::size_t>(kSite.units * kSite.positions * kExamples));
  std::generate(data.begin(), data.end(), [&] { return 100.0 + rng.Normal(); });
  BasicParameterStore<double> store(1);
  const auto norm = make_normalizer<double>({.kind = BatchNorm{.statistics = BatchStatistics::kPopulation}},
                                            BasicScope<double>(store), kSite);
  for (const Index batch : {1, 6, 24}) {
    DTape tape;
    norm->begin_population();
    for (Index b = 0; b < kExamples; b += batch) {
      const double* images = data.data() + b * kSite.positions * kSite.units;
      norm->sums(tape.input("a", images, kSite.units, batch * kSite.positions), {.mode = Mode::kEvaluate});
    }
    norm->end_population();
    for (Index c = 0; c < kSite.units; ++c) {
      double mean = 0, variance = 0;
      const auto n = static_cast<double>(kSite.positions * kExamples);
      for (std::size_t i = static_cast<std::size_t>(c); i < data.size(); i += kSite.units) {
        mean += data[i] / n;
      }
      for (std::size_t i = static_cast<std::size_t>(c); i < data.size(); i += kSite.units) {
        variance += (data[i] - mean) * (data[i] - mean) / n;
      }
      EXPECT_NEAR(store.list_buffers()[0].data[c], mean, 1e-11) << batch;
      EXPECT_NEAR(store.list_buffers()[1].data[c], variance, 1e-11) << batch;
    }
  }
}

// --- Backwards that are nearly right ---

enum class Mistake { kNone, kMeanOfChannel, kProjectionOfChannel, kCountOfPosition, kGainAfterwards };

// Two channels in one group at two positions, by hand.
DVar small_group(DVar a, const double* gain, Mistake mistake) {
  const DVar y = group_norm({2, 2, 1}, true, a, {}, {}, {0.1});
  const double* n = y.data();
  const DVar z = a.tape().result("mutant", 2, 2, {a});
  fill_pointwise(z.mutable_data(), 4, [&](Index i) { return gain[i % 2] * n[i]; });
  a.tape().on_backward({z}, [=] {
    const double* dz = z.grad();
    double mean = 0, squares = 0;
    for (Index i = 0; i < 4; ++i) {
      mean += a.data()[i] / 4;
    }
    for (Index i = 0; i < 4; ++i) {
      squares += (a.data()[i] - mean) * (a.data()[i] - mean) / 4;
    }
    const auto dn = [&](Index i) { return dz[i] * (mistake == Mistake::kGainAfterwards ? 1.0 : gain[i % 2]); };
    const auto average = [&](Index i, bool of_channel, bool along) {
      const double count = of_channel ? 2 : mistake == Mistake::kCountOfPosition ? 2 : 4;
      double total = 0;
      for (Index k = 0; k < 4; ++k) {
        total += !of_channel || k % 2 == i % 2 ? dn(k) * (along ? n[k] : 1.0) / count : 0.0;
      }
      return total;
    };
    fill_pointwise(a.grad_sink(), 4, [&](Index i) {
      const double g = dn(i) - average(i, mistake == Mistake::kMeanOfChannel, false) -
                       n[i] * average(i, mistake == Mistake::kProjectionOfChannel, true);
      return g / std::sqrt(squares + 0.1) * (mistake == Mistake::kGainAfterwards ? gain[i % 2] : 1.0);
    });
  });
  return z;
}

TEST(GroupNormMutants, AreRejectedAndTheRightOneIsNot) {
  const double gain[] = {0.5, 1.7};
  Inputs in;
  in.normal("a", 2, 2);
  const auto right = [&](Mistake mistake) {
    return check_gradients(in.store(), [&](DTape& t) { return small_group(in.on(t, "a"), gain, mistake); }).ok;
  };
  EXPECT_TRUE(right(Mistake::kNone));
  EXPECT_FALSE(right(Mistake::kMeanOfChannel));
  EXPECT_FALSE(right(Mistake::kProjectionOfChannel));
  EXPECT_FALSE(right(Mistake::kCountOfPosition));
  EXPECT_FALSE(right(Mistake::kGainAfterwards));
}

}  // namespace
}  // namespace normlab::nn
