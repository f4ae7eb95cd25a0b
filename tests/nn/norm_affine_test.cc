// The affine part of a site: its own, none, or from outside, for every kind of norm.
#include <gmock/gmock.h>

#include "nn/error.h"
#include "nn/layers/linear.h"
#include "nn/ops/linear.h"
#include "nn/ops/modulate.h"
#include "tests/nn/norm_testing.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

const Step kTrain{.mode = Mode::kTrain};

struct KindCase {
  const char* name;
  NormKind kind;
};

class NormAffine : public testing::TestWithParam<KindCase> {
 protected:
  static constexpr Index kIn = 4, kUnits = 3, kBatch = 5;
  static constexpr Site kSite{.units = kUnits};

  NormSpec spec(AffineSource source) const { return {.kind = GetParam().kind, .affine = {.source = source}}; }
};
INSTANTIATE_TEST_SUITE_P(Kinds, NormAffine,
                         testing::Values(KindCase{"None", NoNorm{}}, KindCase{"Batch", BatchNorm{}},
                                         KindCase{"Layer", LayerNorm{}}, KindCase{"Weight", WeightNorm{}},
                                         KindCase{"Rms", RmsNorm{}}),
                         [](const auto& info) { return info.param.name; });

// y = N(W x) with what `site` says of W and of the summed inputs.
DVar apply(BasicNormalizer<double>& site, DVar w, DVar x, OutsideAffine<double> outside = {}) {
  return site.sums(linear(site.weight(w), x), kTrain, outside);
}

TEST_P(NormAffine, WithoutOneNothingIsTrainedAndGainAndBiasAreOneAndZero) {
  Inputs in;
  in.normal("w", kIn, kUnits).normal("x", kIn, kBatch);
  const BasicScope<double> scope(in.store());
  const auto bare = make_normalizer(spec(AffineSource::kNone), scope / "bare", kSite);
  EXPECT_EQ(in.store().parameters().size(), 2u);
  const auto own = make_normalizer(spec(AffineSource::kOwn), scope / "own", kSite);
  EXPECT_GT(in.store().parameters().size(), 2u);
  DTape tape;
  const DVar y = apply(*bare, in.on(tape, "w"), in.on(tape, "x"));
  const DVar expected = apply(*own, in.on(tape, "w"), in.on(tape, "x"));
  EXPECT_EQ(std::vector<double>(y.data(), y.data() + y.size()),
            std::vector<double>(expected.data(), expected.data() + expected.size()));
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return apply(*bare, in.on(t, "w"), in.on(t, "x")); }));
}

TEST_P(NormAffine, InitialValuesAreTheSpecs) {
  BasicParameterStore<double> store(1);
  const NormSpec spec{.kind = GetParam().kind, .affine = {.gain_init = 0.5, .bias_init = -2.0}};
  const auto site = make_normalizer(spec, BasicScope<double>(store), kSite);
  for (BasicParameter<double>& p : store.parameters()) {
    EXPECT_THAT(std::vector<double>(p.value(), p.value() + p.size()),
                testing::Each(p.name() == "norm.gain" ? 0.5 : -2.0))
        << p.name();
  }
}

TEST_P(NormAffine, FromOutsideItIsEachExamplesOwnAndGetsTheGradients) {
  Inputs in;
  in.normal("w", kIn, kUnits).normal("x", kIn, kBatch).normal("gain", kUnits, kBatch).normal("bias", kUnits, kBatch);
  const auto site = make_normalizer(spec(AffineSource::kOutside), BasicScope<double>(in.store()), kSite);
  EXPECT_EQ(in.store().parameters().size(), 4u);
  Inputs unused;
  const auto bare = make_normalizer(spec(AffineSource::kNone), BasicScope<double>(unused.store()), kSite);
  DTape tape;
  const DVar w = in.on(tape, "w"), x = in.on(tape, "x"), gain = in.on(tape, "gain"), bias = in.on(tape, "bias");
  const DVar y = apply(*site, w, x, {gain, bias}), n = apply(*bare, w, x);
  for (Index i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y.data()[i], gain.data()[i] * n.data()[i] + bias.data()[i], 1e-14);
  }
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    return apply(*site, in.on(t, "w"), in.on(t, "x"), {in.on(t, "gain"), in.on(t, "bias")});
  }));
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {  // a bias alone
    return apply(*site, in.on(t, "w"), in.on(t, "x"), {{}, in.on(t, "bias")});
  }));
}

TEST_P(NormAffine, OneThatIsMissingOrNotAskedForIsAnError) {
  Inputs in;
  in.normal("a", kUnits, kBatch);
  DTape tape;
  const DVar a = in.on(tape, "a");
  for (const AffineSource source : {AffineSource::kOwn, AffineSource::kNone, AffineSource::kOutside}) {
    Inputs unused;
    const auto site = make_normalizer(spec(source), BasicScope<double>(unused.store()), kSite);
    const bool outside = source == AffineSource::kOutside;
    try {
      (void)site->sums(a, kTrain, outside ? OutsideAffine<double>{} : OutsideAffine<double>{.gain = a});
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::StartsWith("normalizer of 'a': "));
      EXPECT_THAT(e.what(), testing::HasSubstr(outside ? "give them with the summed inputs" : "ask for one by"));
    }
    EXPECT_EQ(site->has_row_form(), site->row_form(tape).has_value());
    EXPECT_FALSE(outside && site->has_row_form());
  }
}

TEST_P(NormAffine, FloatFollowsDoubleOnAnyThreads) {
  const std::vector<Given> given = {{"w", 33, 65}, {"x", 33, 19}, {"gain", 65, 19}, {"bias", 65, 19}};
  for (const AffineSource source : {AffineSource::kNone, AffineSource::kOutside}) {
    const auto run = [&]<typename T>(BasicParameterStore<T>& store) {
      const std::shared_ptr<BasicNormalizer<T>> site =
          make_normalizer(spec(source), BasicScope<T>(store), {.units = 65});
      return [&store, site, source](BasicTape<T>& t) {
        const BasicVar<T> a = linear(site->weight(t.parameter(store.at("w"))), t.parameter(store.at("x")));
        const OutsideAffine<T> outside{t.parameter(store.at("gain")), t.parameter(store.at("bias"))};
        return site->sums(a, kTrain, source == AffineSource::kOutside ? outside : OutsideAffine<T>{});
      };
    };
    EXPECT_TRUE(Follows(output_and_gradients<float>(given, run), output_and_gradients<double>(given, run), 1e-4));
    EXPECT_TRUE(SameOnAnyThreads([&] { return output_and_gradients<float>(given, run); }));
  }
}

}  // namespace
}  // namespace normlab::nn
