// The handwriting network against the same network as loops in double; same job, same bits; a text becomes a line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "data/handwriting/synthetic_pen.h"
#include "experiments/handwriting/batch.h"
#include "experiments/handwriting/config.h"
#include "experiments/handwriting/drawing.h"
#include "experiments/handwriting/scribe.h"
#include "experiments/handwriting/training.h"
#include "experiments/handwriting/writer.h"
#include "nn/ops/domain/mixture.h"
#include "proto/spec.h"
#include "reference_hand.h"
#include "testing.h"

namespace normlab {
namespace {

using Mutation = ReferenceHand::Mutation;

constexpr int kAlphabet = 4;

HandwritingShape SmallShape(nn::NormKind norm) {
  return {.units = 5,
          .gaussians = 2,
          .components = 3,
          .alphabet = kAlphabet,
          .norm = {.kind = norm},
          .init = nn::init::glorot_uniform(),
          .bias_init = nn::init::uniform(0.4)};
}

// Lines of 6, 4 and 1 points with texts of 5, 3 and 4 characters.
std::vector<data::PenSequence> SmallLines() {
  Rng rng(9, "lines");
  std::vector<data::PenSequence> lines(3);
  const std::size_t steps[] = {6, 4, 1}, characters[] = {5, 3, 4};
  for (std::size_t n = 0; n < lines.size(); ++n) {
    for (std::size_t t = 0; t < steps[n]; ++t) {
      lines[n].steps.push_back(
          {static_cast<float>(rng.Normal()), static_cast<float>(rng.Normal()), rng.Below(3) == 0 ? 1.0f : 0.0f});
    }
    for (std::size_t u = 0; u < characters[n]; ++u) {
      lines[n].text.push_back(static_cast<std::uint8_t>(rng.Below(kAlphabet)));
    }
  }
  return lines;
}

// A network whose gains and biases differ from their initial values, so that one applied in a wrong place shows.
class Small {
 public:
  explicit Small(nn::NormKind norm) : norm_(norm), network_(nn::Scope(store_), SmallShape(norm)) {
    Rng rng(4, "perturb");
    for (nn::Parameter& parameter : store_.parameters()) {
      for (nn::Index i = 0; i < parameter.size(); ++i) {
        parameter.value()[i] += static_cast<float>(rng.Uniform(-0.2, 0.2));
      }
    }
  }

  // Mean over the lines, of the engine in float. Leaves gradients in the store.
  float Loss(const std::vector<data::PenSequence>& lines) {
    std::vector<std::uint32_t> all(lines.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = static_cast<std::uint32_t>(i);
    }
    PenBatchMemory batch;
    batch.Fill(lines, all, kAlphabet);
    store_.clear_gradients();
    tape_.reset();
    const nn::Var y = network_.outputs(tape_, batch.get(), nn::Mode::kTrain);
    const auto loss =
        nn::mixture_nll(y, batch.targets(), batch.mask(), {.weight = 1.0 / static_cast<double>(lines.size())});
    tape_.backward(loss.loss);
    return loss.loss.scalar();
  }

  ReferenceHand Reference(Mutation mutation = Mutation::kNone) {
    ReferenceHand reference{.units = 5,
                            .gaussians = 2,
                            .components = 3,
                            .alphabet = kAlphabet,
                            .norm = norm_,
                            .mutation = mutation,
                            .parameters = {}};
    for (nn::Parameter& parameter : store_.parameters()) {
      reference.parameters[parameter.name()].assign(parameter.value(), parameter.value() + parameter.size());
    }
    return reference;
  }

  nn::ParameterStore& store() { return store_; }
  HandwritingNetwork& network() { return network_; }

 private:
  nn::NormKind norm_;
  nn::ParameterStore store_{7};
  HandwritingNetwork network_;
  nn::Tape tape_;
};

std::int64_t Parameters(nn::NormKind norm, bool peepholes) {
  nn::ParameterStore store(1);
  HandwritingShape shape{.norm = {.kind = norm}, .peepholes = peepholes};
  const HandwritingNetwork network(nn::Scope(store), shape);
  std::int64_t count = 0;
  for (const nn::Parameter& parameter : store.parameters()) {
    count += parameter.size();
  }
  return count;
}

TEST(HandwritingNetwork, HasThePapersParameters) {
  EXPECT_EQ(Parameters(nn::NoNorm{}, false), 3'650'151);
  EXPECT_EQ(Parameters(nn::LayerNorm{}, false), 3'671'751);
  EXPECT_EQ(Parameters(nn::NoNorm{}, true), 3'653'751);  // Graves' own
}

class AgainstLoops : public testing::TestWithParam<nn::NormKind> {};

TEST_P(AgainstLoops, TheLossIsTheSame) {
  Small small(GetParam());
  const double wanted = small.Reference().Loss(SmallLines(), 6);
  EXPECT_NEAR(small.Loss(SmallLines()), wanted, 2e-5 * std::max(1.0, std::abs(wanted)));
}

// Every parameter's gradient against central differences of the loops.
TEST_P(AgainstLoops, EveryGradientIsTheSame) {
  Small small(GetParam());
  const std::vector<data::PenSequence> lines = SmallLines();
  small.Loss(lines);
  ReferenceHand reference = small.Reference();
  double largest = 0.0;
  for (nn::Parameter& parameter : small.store().parameters()) {
    std::vector<double>& values = reference.parameters[parameter.name()];
    for (std::size_t i = 0; i < values.size(); ++i) {
      constexpr double kStep = 1e-5;
      const double at = values[i];
      values[i] = at + kStep;
      const double above = reference.Loss(lines, 6);
      values[i] = at - kStep;
      const double below = reference.Loss(lines, 6);
      values[i] = at;
      const double wanted = (above - below) / (2 * kStep);
      const double got = static_cast<double>(parameter.gradient()[i]);
      largest = std::max(largest, std::abs(wanted));
      ASSERT_NEAR(got, wanted, 3e-4 * std::max(1.0, std::abs(wanted))) << parameter.name() << "[" << i << "]";
    }
  }
  EXPECT_GT(largest, 0.5);
}

INSTANTIATE_TEST_SUITE_P(Norms, AgainstLoops, testing::Values(nn::NoNorm{}, nn::LayerNorm{}, nn::RmsNorm{}));

// The comparison above must be able to fail: each mistake moves the loss further than its tolerance.
TEST(HandwritingNetwork, TheComparisonRejectsMistakes) {
  std::vector<data::PenSequence> lines = SmallLines();
  Small padded(nn::LayerNorm{});
  EXPECT_GT(std::abs(padded.Loss(lines) - padded.Reference(Mutation::kUnmaskedPadding).Loss(lines, 6)), 0.1);

  // Input sums of mean 4e3: one pass loses their variance in float, two do not.
  Small shifted(nn::LayerNorm{});
  for (const char* layer : {"layer1", "layer2", "layer3"}) {
    nn::Parameter& weight = shifted.store().at(std::string(layer) + ".input.weight");
    for (nn::Index i = 0; i < weight.size(); ++i) {
      weight.value()[i] += i % (weight.size() / 20) == 0 ? 4000.0f : 0.0f;
    }
  }
  lines[0].steps[0].dx = 1.0f;
  const double wanted = shifted.Reference().Loss(lines, 6);
  EXPECT_NEAR(shifted.Loss(lines), wanted, 1e-3);
  EXPECT_GT(std::abs(shifted.Reference(Mutation::kOnePassVariance).Loss(lines, 6) - wanted), 5e-3);

  Small far(nn::NoNorm{});
  lines[1].steps[2].dx = 80.0f;
  const double nll = far.Reference().Loss(lines, 6);
  EXPECT_NEAR(far.Loss(lines), nll, 1e-4 * nll);
  EXPECT_FALSE(std::isfinite(far.Reference(Mutation::kNoLogSumExp).Loss(lines, 6)));
}

// Padded beside longer ones, a line costs what it costs alone.
TEST(HandwritingNetwork, PaddingChangesNothing) {
  Small small(nn::LayerNorm{});
  const std::vector<data::PenSequence> lines = SmallLines();
  double alone = 0.0;
  for (const data::PenSequence& line : lines) {
    alone += static_cast<double>(small.Loss({line})) / 3.0;
  }
  EXPECT_NEAR(small.Loss(lines), alone, 1e-5);
}

TEST(HandwritingNetwork, OneStepAtATimeGivesWhatTheSequenceGives) {
  Small small(nn::LayerNorm{});
  const std::vector<data::PenSequence> lines = SmallLines();
  PenBatchMemory batch;
  batch.Fill(lines, std::vector<std::uint32_t>{0}, kAlphabet);
  nn::Tape whole(nn::Recording::kOff), steps(nn::Recording::kOff);
  const nn::Var y = small.network().outputs(whole, batch.get(), nn::Mode::kEvaluate);
  auto state = small.network().zero_state(steps, 1);
  for (nn::Index t = 0; t < 6; ++t) {
    const nn::Var x = steps.input("x", batch.get().inputs + 3 * t, 3, 1);
    const nn::Var one = small.network().step(x, batch.get().texts, {nn::Mode::kEvaluate, t}, state);
    for (nn::Index i = 0; i < one.rows(); ++i) {
      ASSERT_NEAR(one.data()[i], y.data()[t * y.rows() + i], 1e-5f) << "step " << t;
    }
  }
}

v1::HandwritingConfig SmallConfig(v1::NormKind norm) {
  v1::JobSpec spec;
  v1::HandwritingConfig& config = *spec.mutable_handwriting();
  config.set_dataset(v1::HANDWRITING_DATASET_SYNTHETIC_PEN);
  config.set_norm(norm);
  config.set_units(24);
  config.set_components(3);
  config.set_gaussians(3);
  config.set_updates(9);
  config.set_evaluation_interval(4);
  config.set_max_steps(40);
  config.set_train_lines(30);
  config.set_test_lines(5);
  std::vector<FieldViolation> violations;
  const v1::HandwritingConfig resolved = ResolveSpec(spec, violations).handwriting();
  EXPECT_TRUE(violations.empty());
  return resolved;
}

std::unique_ptr<Experiment> Make(const v1::HandwritingConfig& config) {
  auto made = MakeHandwriting(config, 5, ExperimentContext{.data_directories = {}, .facts = nullptr});
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

class AllNorms : public testing::TestWithParam<v1::NormKind> {};

TEST_P(AllNorms, ThreadsDoNotChangeABit) {
  std::vector<std::string> hashes;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    v1::HandwritingConfig config = SmallConfig(GetParam());
    config.set_updates(3);
    config.set_units(100);
    const std::unique_ptr<Experiment> experiment = Make(config);
    MemoryRecorder recorder;
    experiment->Begin(recorder);
    for (std::uint64_t step = 0; step < experiment->TotalSteps(); ++step) {
      experiment->Step(step, recorder);
    }
    hashes.push_back(StateSha256(*experiment) + PointsSha256(recorder));
  }
  SetThreads(1);
  EXPECT_THAT(hashes, testing::Each(hashes[0]));
}

TEST_P(AllNorms, ResumedRunsAreBitIdentical) {
  const v1::HandwritingConfig config = SmallConfig(GetParam());
  const std::unique_ptr<Experiment> straight = Make(config);
  MemoryRecorder whole;
  for (std::uint64_t step = 0; step < 9; ++step) {
    straight->Step(step, whole);
  }
  EXPECT_EQ(whole.Steps("test/nll"), (std::vector<std::uint64_t>{4, 8, 9}));
  for (const std::uint64_t at : {1u, 4u, 6u}) {
    MemoryRecorder pieces;
    const std::unique_ptr<Experiment> first = Make(config), second = Make(config);
    for (std::uint64_t step = 0; step < at; ++step) {
      first->Step(step, pieces);
    }
    const std::vector<NamedTensor> from = first->State(), to = second->State();
    ASSERT_EQ(from.size(), to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      ASSERT_EQ(from[i].name, to[i].name);
      std::copy_n(from[i].data, CountValues(from[i]), to[i].data);
    }
    second->Restored(at);
    for (std::uint64_t step = at; step < 9; ++step) {
      second->Step(step, pieces);
    }
    EXPECT_EQ(StateSha256(*second), StateSha256(*straight)) << "broken off after update " << at;
    EXPECT_EQ(PointsSha256(pieces), PointsSha256(whole)) << "broken off after update " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Norms, AllNorms,
                         testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_BATCH,
                                         v1::NORM_KIND_RMS, v1::NORM_KIND_WEIGHT));

TEST(HandwritingTraining, LearnsTheSyntheticPen) {
  v1::HandwritingConfig config = SmallConfig(v1::NORM_KIND_LAYER);
  config.set_updates(60);
  config.mutable_optimization()->set_learning_rate(5e-3);
  config.set_evaluation_interval(6);
  const std::unique_ptr<Experiment> experiment = Make(config);
  MemoryRecorder recorder;
  experiment->Begin(recorder);
  for (std::uint64_t step = 0; step < 60; ++step) {
    ASSERT_EQ(experiment->Step(step, recorder), StepResult::kContinue);
  }
  const std::vector<double> nll = recorder.Values("test/nll_per_step");
  ASSERT_EQ(nll.size(), 10u);
  EXPECT_LT(nll.back(), nll.front() - 0.5) << "from " << nll.front() << " nats per step";
  EXPECT_EQ(recorder.Values("data/nats_per_step").size(), 1u);
}

TEST(HandwritingTraining, WithoutDataItSaysHowToGetThem) {
  v1::HandwritingConfig config = SmallConfig(v1::NORM_KIND_NONE);
  config.set_dataset(v1::HANDWRITING_DATASET_IAM_ONDB);
  const auto made = MakeHandwriting(config, 5, ExperimentContext{.data_directories = {"/nowhere"}, .facts = nullptr});
  EXPECT_EQ(made.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(made.status()), testing::HasSubstr("normlab data import iam_ondb"));
}

TEST(Write, ASeedWritesTheSameLineAgainAndThePictureIsTheSame) {
  Small small(nn::LayerNorm{});
  const std::vector<std::uint8_t> text = {0, 1, 2, 3};
  const WrittenLine one = Write(small.network(), text, {.seed = 3, .max_steps = 50});
  const WrittenLine two = Write(small.network(), text, {.seed = 3, .max_steps = 50});
  const WrittenLine other = Write(small.network(), text, {.seed = 4, .max_steps = 50});
  ASSERT_GT(one.steps.size(), 5u);
  EXPECT_EQ(one.alignment.size(), one.steps.size() * 4);
  EXPECT_EQ(DrawSvg(one, "a<&d", {}), DrawSvg(two, "a<&d", {}));
  EXPECT_NE(DrawSvg(one, "a<&d", {}), DrawSvg(other, "a<&d", {}));
  EXPECT_THAT(DrawSvg(one, "a<&d", {}), testing::AllOf(testing::StartsWith("<svg"), testing::HasSubstr("&lt;")));
}

TEST(Write, StopsWhenTheWindowHasPassedTheText) {
  Small small(nn::NoNorm{});
  const WrittenLine line = Write(small.network(), {0, 1}, {.seed = 3, .max_steps = 5000});
  EXPECT_TRUE(line.finished);
  EXPECT_LT(line.steps.size(), 5000u);
}

TEST(Write, APrimeIsReadAndLeftOut) {
  Small small(nn::LayerNorm{});
  const std::vector<data::PenSequence> lines = SmallLines();
  const WrittenLine primed = Write(small.network(), {0, 1, 2}, {.seed = 3, .max_steps = 20, .prime = &lines[0]});
  const WrittenLine plain = Write(small.network(), {0, 1, 2}, {.seed = 3, .max_steps = 20});
  EXPECT_EQ(primed.alignment.size(), primed.steps.size() * 3);
  EXPECT_NE(DrawSvg(primed, "abc", {}), DrawSvg(plain, "abc", {}));
}

TEST(Scribe, WritesWithTheWeightsOfARunAndSaysWhatItCannotWrite) {
  const v1::HandwritingConfig config = SmallConfig(v1::NORM_KIND_LAYER);
  const std::unique_ptr<Experiment> experiment = Make(config);
  Scribe scribe(config), blank(config);
  const std::vector<NamedTensor> from = experiment->Weights(), to = scribe.Weights();
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    ASSERT_EQ(from[i].name, to[i].name);
    ASSERT_EQ(from[i].shape, to[i].shape);
    std::copy_n(from[i].data, CountValues(from[i]), to[i].data);
  }
  const auto svg = scribe.Write("a word", {.bias = 0.5, .seed = 2});
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_EQ(*svg, *scribe.Write("a word", {.bias = 0.5, .seed = 2}));
  EXPECT_NE(*svg, *scribe.Write("a word", {.bias = 0.5, .seed = 3}));
  EXPECT_NE(*svg, *blank.Write("a word", {.bias = 0.5, .seed = 2}));
  ASSERT_TRUE(scribe.Imitate(1, {}, "").ok());
  EXPECT_NE(*svg, *scribe.Write("a word", {.bias = 0.5, .seed = 2}));
  EXPECT_EQ(scribe.Imitate(31, {}, "").code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(scribe.Imitate(1, {}, std::string(64, '0')).code(), absl::StatusCode::kFailedPrecondition)
      << "line 1 of other data";
  EXPECT_EQ(scribe.Write("", {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(scribe.Write("caf\xe9", {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace normlab
