// One full step of DRAW in double: its bound and every gradient against the composition of primitive ops, and against
// finite differences. The mistakes of published implementations must show.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/rng.h"
#include "experiments/draw/draw.h"
#include "nn/gradcheck.h"
#include "primitive_draw.h"

namespace normlab {
namespace {

using nn::primitive::DrawMistake;
using Var = nn::BasicVar<double>;

constexpr nn::Index kBatch = 3;

struct Case {
  const char* name;
  nn::NormKind norm;
  bool attention;
  DrawStart start = DrawStart::kZeros;
};

DrawSpec Small(const Case& c, nn::Index glimpses) {
  return {.height = 6,
          .width = 5,
          .glimpses = glimpses,
          .units = 7,
          .latent = 3,
          .read = 2,
          .write = 3,
          .attention = c.attention,
          .norm = {.kind = c.norm},
          .start = c.start};
}

// A model with all its parameters away from their initial zeros and ones, and a batch of binary images.
class SmallModel {
 public:
  explicit SmallModel(const Case& c, nn::Index glimpses = 4)
      : spec(Small(c, glimpses)), model(nn::BasicScope<double>(store), spec) {
    Rng rng(5, "perturb");
    for (nn::BasicParameter<double>& p : store.parameters()) {
      for (nn::Index i = 0; i < p.size(); ++i) {
        p.value()[i] += 0.2 * rng.Normal();
      }
    }
    for (double& pixel : pixels) {
      pixel = rng.Uniform() < 0.4 ? 1.0 : 0.0;
    }
  }

  Var Images(nn::BasicTape<double>& tape) { return tape.input("x", pixels.data(), 30, kBatch); }
  Var Fused(nn::BasicTape<double>& tape) { return model.Bound(Images(tape), noise, nn::Mode::kTrain).Total(); }
  Var Primitive(nn::BasicTape<double>& tape, const DrawMistake& mistake = {}) {
    return PrimitiveDraw(store, spec, mistake).Bound(Images(tape), noise);
  }

  DrawSpec spec;
  nn::BasicParameterStore<double> store{17};
  BasicDraw<double> model;
  GlimpseNoise noise{9, "test", 2};
  std::vector<double> pixels = std::vector<double>(30 * kBatch);
};

struct Result {
  double bound;
  std::map<std::string, std::vector<double>> gradients;
};

template <typename F>
Result Differentiate(SmallModel& small, F f) {
  small.store.clear_gradients();
  nn::BasicTape<double> tape;
  const Var bound = f(tape);
  tape.backward(bound);
  Result result{.bound = bound.scalar(), .gradients = {}};
  for (nn::BasicParameter<double>& p : small.store.parameters()) {
    result.gradients[p.name()].assign(p.gradient(), p.gradient() + p.size());
  }
  small.store.clear_gradients();
  return result;
}

// |a - b| / |b| over all values of a gradient.
double Distance(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0.0, norm = 0.0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

class DrawReference : public testing::TestWithParam<Case> {};

TEST_P(DrawReference, BoundAndEveryGradientAgreeWithPrimitiveOps) {
  SmallModel small(GetParam());
  const Result fused = Differentiate(small, [&](auto& tape) { return small.Fused(tape); });
  const Result primitive = Differentiate(small, [&](auto& tape) { return small.Primitive(tape); });
  EXPECT_NEAR(fused.bound, primitive.bound, 1e-10 * primitive.bound);
  for (const auto& [name, gradient] : primitive.gradients) {
    EXPECT_TRUE(std::any_of(gradient.begin(), gradient.end(), [](double g) { return g != 0.0; })) << name;
    EXPECT_LT(Distance(fused.gradients.at(name), gradient), 1e-9) << name;
  }
}

// The model that trains, in float, with the same weights, images and noise. Rounding of 2^-24 comes out of some 500 sums and
// products of four glimpses at 1e-6 or so.
TEST_P(DrawReference, TheFloatModelAgreesWithPrimitiveOpsInDouble) {
  constexpr double kTolerance = 2e-5;
  SmallModel small(GetParam());
  const Result primitive = Differentiate(small, [&](auto& tape) { return small.Primitive(tape); });
  nn::ParameterStore store(17);
  Draw model(nn::Scope(store), small.spec);
  for (nn::BasicParameter<float>& p : store.parameters()) {
    nn::BasicParameter<double>& same = small.store.at(p.name());
    ASSERT_EQ(p.size(), same.size());
    std::transform(same.value(), same.value() + same.size(), p.value(), [](double v) { return static_cast<float>(v); });
  }
  const std::vector<float> pixels(small.pixels.begin(), small.pixels.end());
  nn::Tape tape;
  const nn::Var bound = model.Bound(tape.input("x", pixels.data(), 30, kBatch), small.noise, nn::Mode::kTrain).Total();
  tape.backward(bound);
  EXPECT_NEAR(bound.scalar() / primitive.bound, 1.0, kTolerance);
  for (nn::BasicParameter<float>& p : store.parameters()) {
    const std::vector<double> gradient(p.gradient(), p.gradient() + p.size());
    EXPECT_LT(Distance(gradient, primitive.gradients.at(p.name())), kTolerance) << p.name();
  }
}

// What a trace has of a glimpse is what a model leaves that stops there.
TEST_P(DrawReference, ATraceKeepsTheCanvasOfEveryGlimpse) {
  SmallModel whole(GetParam());
  nn::BasicTape<double> tape;
  DrawTrace<double> trace;
  whole.model.Generate(tape, kBatch, whole.noise, &trace);
  ASSERT_EQ(trace.canvas.size(), 4u);
  for (nn::Index t = 0; t < 4; ++t) {
    SmallModel stopped(GetParam(), t + 1);
    nn::BasicTape<double> other;
    const Var left = stopped.model.Generate(other, kBatch, stopped.noise, nullptr);
    const Var seen = trace.canvas[static_cast<std::size_t>(t)];
    EXPECT_TRUE(std::equal(left.data(), left.data() + left.size(), seen.data())) << "glimpse " << t;
  }
}

TEST_P(DrawReference, GradientsAgreeWithFiniteDifferences) {
  SmallModel small(GetParam());
  const nn::GradCheckReport report = nn::check_gradients(small.store, [&](auto& tape) { return small.Fused(tape); });
  EXPECT_TRUE(report.ok) << report.worst;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DrawReference,
    testing::Values(Case{"Baseline", nn::NoNorm{}, true}, Case{"Layer", nn::LayerNorm{}, true},
                    Case{"Weight", nn::WeightNorm{}, true}, Case{"WithoutAttention", nn::LayerNorm{}, false},
                    Case{"LearnedStates", nn::LayerNorm{}, true, DrawStart::kLearnedStates},
                    Case{"LearnedStart", nn::NoNorm{}, true, DrawStart::kLearnedStatesAndCanvas},
                    Case{"LearnedStartWithoutAttention", nn::LayerNorm{}, false, DrawStart::kLearnedStatesAndCanvas}),
    [](const auto& info) { return std::string(info.param.name); });

struct MistakeCase {
  const char* name;
  DrawMistake mistake;
  bool changes_gradients;
};

class DrawMistakes : public testing::TestWithParam<MistakeCase> {};

TEST_P(DrawMistakes, AreRejected) {
  SmallModel small({"Layer", nn::LayerNorm{}, true});
  const Result fused = Differentiate(small, [&](auto& tape) { return small.Fused(tape); });
  const Result mistaken = Differentiate(small, [&](auto& tape) { return small.Primitive(tape, GetParam().mistake); });
  EXPECT_GT(std::abs(fused.bound - mistaken.bound), 1e-3 * fused.bound);
  double worst = 0.0;
  for (const auto& [name, gradient] : mistaken.gradients) {
    worst = std::max(worst, Distance(fused.gradients.at(name), gradient));
  }
  EXPECT_EQ(worst > 1e-3, GetParam().changes_gradients) << worst;
}

INSTANTIATE_TEST_SUITE_P(
    Published, DrawMistakes,
    testing::Values(MistakeCase{"OneNoiseForAllGlimpses", {.shared_noise = true}, true},
                    // A constant has no gradient: only the reported bound is wrong, which is what makes it dangerous.
                    MistakeCase{"HalfANatAStepInTheDivergence", {.kl_constant_per_value = -1.0 / 3}, false},
                    MistakeCase{"GridCountedFromZero", {.zero_based_grid = true}, true},
                    MistakeCase{"ExponentOfTheSquaredFraction", {.squared_fraction = true}, true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace normlab
