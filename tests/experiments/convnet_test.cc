#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/convnet/convnet.h"
#include "experiments/convnet/convnet_pictures.h"
#include "experiments/convnet/convnet_training.h"
#include "experiments/convnet/position_statistics.h"
#include "experiments/convnet/preprocessing.h"
#include "nn/error.h"
#include "nn/ops/cross_entropy.h"
#include "plain_convnet.h"
#include "proto/spec.h"
#include "testing.h"

namespace normlab {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

// --- The model against single numbers ---

struct Case {
  const char* name;
  nn::NormSpec norm;
  PlainNorm plain;
};

std::vector<Case> Cases() {
  return {
      {"none", {}, PlainNorm::kNone},
      {"batch", {.kind = nn::BatchNorm{}}, PlainNorm::kBatch},
      {"layer", {.kind = nn::LayerNorm{}}, PlainNorm::kLayer},
      {"position", {.kind = nn::LayerNorm{.over = nn::NormOver::kPosition}}, PlainNorm::kPosition},
      {"channel", {.kind = nn::LayerNorm{.over = nn::NormOver::kPositions}}, PlainNorm::kChannel},
      {"group", {.kind = nn::GroupNorm{.groups = 2}}, PlainNorm::kGroup},
      {"instance", {.kind = nn::InstanceNorm{}, .affine = {.source = nn::AffineSource::kNone}}, PlainNorm::kInstance},
      {"weight", {.kind = nn::WeightNorm{}}, PlainNorm::kWeight},
      {"rms", {.kind = nn::RmsNorm{}}, PlainNorm::kRms}};
}

// A small network away from its initial zeros and ones, and a batch.
class SmallConvnet {
 public:
  explicit SmallConvnet(const ConvnetSpec& wanted) : spec(wanted), model(nn::BasicScope<double>(store), spec) {
    Rng rng(3, "perturb");
    for (nn::BasicParameter<double>& p : store.parameters()) {
      for (nn::Index i = 0; i < p.size(); ++i) {
        p.value()[i] += 0.1 * rng.Normal();
      }
    }
    images.resize(static_cast<std::size_t>(spec.input.values()) * labels.size());
    std::generate(images.begin(), images.end(), [&] { return rng.Normal(); });
  }

  nn::BasicVar<double> Loss(nn::BasicTape<double>& tape) {
    const auto batch = static_cast<nn::Index>(labels.size());
    return nn::softmax_cross_entropy(model.Logits(tape.input("x", images.data(), spec.input.values(), batch), {}),
                                     labels);
  }
  std::map<std::string, std::vector<double>> Parameters() {
    std::map<std::string, std::vector<double>> all;
    for (nn::BasicParameter<double>& p : store.parameters()) {
      all[p.name()].assign(p.value(), p.value() + p.size());
    }
    return all;
  }

  ConvnetSpec spec;
  nn::BasicParameterStore<double> store{17};
  BasicConvnet<double> model;
  std::vector<double> images;
  std::vector<std::int32_t> labels = {7, 0, 3};
};

// The loss is that of single numbers, and so is its slope along every parameter.
void ExpectAgree(const ConvnetSpec& spec, const Case& c) {
  SmallConvnet small(spec);
  const PlainConvnet plain{.spec = spec, .norm = c.plain, .groups = 2};
  nn::BasicTape<double> tape;
  const nn::BasicVar<double> loss = small.Loss(tape);
  auto parameters = small.Parameters();
  EXPECT_NEAR(loss.scalar(), plain.Loss(parameters, small.images, small.labels), 1e-12);
  tape.backward(loss);
  constexpr double kStep = 1e-6;  // small, for maxima and relus have kinks
  for (nn::BasicParameter<double>& p : small.store.parameters()) {
    std::vector<double>& values = parameters.at(p.name());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = std::exchange(values[i], values[i] + kStep);
      const double above = plain.Loss(parameters, small.images, small.labels);
      values[i] = value - kStep;
      const double below = plain.Loss(parameters, small.images, small.labels);
      values[i] = value;
      const double slope = (above - below) / (2 * kStep);
      ASSERT_NEAR(p.gradient()[i], slope, 1e-8 * std::max(1.0, std::abs(slope))) << p.name() << "[" << i << "]";
    }
  }
}

TEST(Convnet, CaffeAgreesWithSingleNumbersInLossAndGradients) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    ExpectAgree({.input = {2, 12, 13}, .channels = 2, .norm = c.norm}, c);
  }
}

TEST(Convnet, AgreesForEveryPadding) {
  for (const nn::Padding padding : {nn::Padding::kReflect, nn::Padding::kCircular}) {
    SCOPED_TRACE(static_cast<int>(padding));
    ExpectAgree({.input = {1, 13, 12}, .channels = 2, .norm = {.kind = nn::LayerNorm{}}, .padding = padding},
                {"layer", {.kind = nn::LayerNorm{}}, PlainNorm::kLayer});
  }
}

TEST(Convnet, ConvPoolAgreesWithSingleNumbersInLossAndGradients) {
  for (const Case& c : Cases()) {
    if (c.plain == PlainNorm::kBatch || c.plain == PlainNorm::kChannel || c.plain == PlainNorm::kNone) {
      SCOPED_TRACE(c.name);
      ExpectAgree({.input = {1, 12, 13}, .kind = ConvnetKind::kConvPool, .channels = 2, .norm = c.norm}, c);
    }
  }
}

TEST(Convnet, AgreesWithALeakyRelu) {
  ExpectAgree({.input = {1, 12, 13}, .kind = ConvnetKind::kConvPool, .channels = 2, .leak = 0.1},
              {"none", {}, PlainNorm::kNone});
}

TEST(Convnet, HasTheSizesThatWerePrinted) {
  nn::ParameterStore caffe(1), convpool(1);
  const Convnet five_by_five(nn::Scope(caffe), {.input = {3, 32, 32}});
  const Convnet all_convolutions(nn::Scope(convpool),
                                 {.input = {3, 32, 32}, .kind = ConvnetKind::kConvPool, .channels = 96});
  EXPECT_EQ(caffe.at("conv3.weight").shape(), (std::vector<std::int64_t>{64, 5, 5, 32}));
  EXPECT_EQ(caffe.at("hidden.weight").shape(), (std::vector<std::int64_t>{64, 4 * 4 * 64}));
  EXPECT_EQ(convpool.at("conv7.weight").shape(), (std::vector<std::int64_t>{192, 3, 3, 192}));
  EXPECT_EQ(convpool.at("conv9.weight").shape(), (std::vector<std::int64_t>{192, 1, 1, 192}));
  EXPECT_EQ(convpool.at("output.weight").shape(), (std::vector<std::int64_t>{10, 192}));
}

// --- Units at the border ---

// One channel of 4 x 4: its border never fires, its centre for every other image.
TEST(PositionStatistics, TellBorderFromCentre) {
  const nn::Image image{.channels = 1, .height = 4, .width = 4};
  PositionStatistics units(image, 1);
  std::vector<float> active(32, 0.0f);
  for (const int p : {5, 6, 9, 10}) {
    active[static_cast<std::size_t>(p)] = 3.0f;  // of the first image alone
  }
  units.Add(active.data(), 2);
  const auto border = units.Border(), centre = units.Centre();
  EXPECT_EQ(border.firing_rate, 0.0);
  EXPECT_EQ(border.rarely_active, 1.0);
  EXPECT_EQ(border.activation, 0.0);
  EXPECT_EQ(border.distance, 0.5);
  EXPECT_EQ(centre.firing_rate, 0.5);
  EXPECT_EQ(centre.rarely_active, 0.0);
  EXPECT_EQ(centre.activation, 1.5);
  EXPECT_EQ(centre.distance, 0.0);
  EXPECT_EQ(units.FiringRates()[0], 0.0f);
  EXPECT_EQ(units.FiringRates()[5], 0.5f);
}

// Channels are compared with themselves: two that fire always and never are alike at the border and inside.
TEST(PositionStatistics, CompareEachChannelWithItself) {
  const nn::Image image{.channels = 2, .height = 3, .width = 3};
  PositionStatistics units(image, 1);
  std::vector<float> active(18);
  for (std::size_t i = 0; i < active.size(); ++i) {
    active[i] = i % 2 == 0 ? 1.0f : 0.0f;
  }
  units.Add(active.data(), 1);
  EXPECT_EQ(units.Border().distance, 0.0);
  EXPECT_EQ(units.Border().firing_rate, 0.5);
  EXPECT_THAT(units.FiringRates(), Each(0.5f));
}

TEST(PositionStatistics, NeedACentre) {
  EXPECT_THROW(PositionStatistics({.channels = 1, .height = 4, .width = 9}, 2), nn::Error);
}

TEST(ConvnetPictures, ArePngFiles) {
  const std::vector<float> kernels(9 * 3 * 3, 0.5f), rates(12, 0.25f);
  EXPECT_EQ(FiltersPng(kernels.data(), 9, 3, 1).substr(0, 4), "\x89PNG");
  EXPECT_EQ(FiringRatesPng(rates, {.channels = 1, .height = 3, .width = 4}).substr(0, 4), "\x89PNG");
}

// --- Training ---

v1::ConvnetConfig Config(v1::ConvnetNorm norm) {
  v1::JobSpec spec;
  spec.mutable_convnet()->set_norm(norm);
  spec.mutable_convnet()->set_channels(8);
  spec.mutable_convnet()->set_batch_size(25);
  spec.mutable_convnet()->set_epochs(2);
  spec.mutable_convnet()->set_train_images(100);
  spec.mutable_convnet()->set_test_images(60);
  spec.mutable_convnet()->set_dropout(0.2);
  spec.mutable_convnet()->set_input_noise(0.05);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).convnet();
}

std::unique_ptr<Experiment> Make(const v1::ConvnetConfig& config) {
  auto made = MakeConvnet(config, 5, SyntheticData(120, 60));
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

class EveryNorm : public testing::TestWithParam<v1::ConvnetNorm> {};

TEST_P(EveryNorm, RecordsLearnsAndIsTheSameForAnyThreadsAndResumed) {
  std::vector<std::string> bits;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    const auto first = Make(Config(GetParam()));
    ASSERT_EQ(first->TotalSteps(), 8u);
    auto current = first.get();
    const auto second = Make(Config(GetParam()));
    MemoryRecorder recorder;
    first->Begin(recorder);
    for (std::uint64_t step = 0; step < 8; ++step) {
      if (step == 5 && threads > 1) {  // as after kill -9
        CopyState(*first, *second);
        second->Restored(step);
        current = second.get();
      }
      EXPECT_EQ(current->Step(step, recorder), StepResult::kContinue);
    }
    bits.push_back(StateSha256(*current) + PointsSha256(recorder));
    EXPECT_THAT(recorder.Values("train/epoch"), ElementsAre(1.0, 2.0));
    const std::vector<double> loss = recorder.Values("train/batch_nll");
    EXPECT_THAT(recorder.Values("train/nll")[1], DoubleNear((loss[4] + loss[5] + loss[6] + loss[7]) / 4, 1e-5));
    EXPECT_NEAR(recorder.Values("border/less_active")[1],
                recorder.Values("centre/firing_rate")[1] - recorder.Values("border/firing_rate")[1], 1e-12);
    EXPECT_EQ(recorder.Values("test/error").size(), 2u);
  }
  SetThreads(1);
  EXPECT_THAT(bits, Each(bits[0]));
}

INSTANTIATE_TEST_SUITE_P(Convnet, EveryNorm,
                         testing::Values(v1::CONVNET_NORM_NONE, v1::CONVNET_NORM_BATCH, v1::CONVNET_NORM_LAYER,
                                         v1::CONVNET_NORM_LAYER_POSITION, v1::CONVNET_NORM_LAYER_CHANNEL,
                                         v1::CONVNET_NORM_GROUP, v1::CONVNET_NORM_INSTANCE, v1::CONVNET_NORM_WEIGHT,
                                         v1::CONVNET_NORM_RMS),
                         [](const auto& info) { return v1::ConvnetNorm_Name(info.param); });

TEST(ConvnetTraining, LearnsDigitsMadeOfNoise) {
  for (const v1::ConvnetNorm norm : {v1::CONVNET_NORM_NONE, v1::CONVNET_NORM_LAYER, v1::CONVNET_NORM_BATCH}) {
    SCOPED_TRACE(v1::ConvnetNorm_Name(norm));
    v1::ConvnetConfig config = Config(norm);
    config.set_epochs(8);
    config.set_dropout(0);
    config.set_train_images(1000);
    const auto experiment = MakeConvnet(config, 5, SyntheticData(1000, 60)).value();
    MemoryRecorder recorder;
    for (std::uint64_t step = 0; step < experiment->TotalSteps(); ++step) {
      experiment->Step(step, recorder);
    }
    EXPECT_GT(recorder.Values("train/batch_nll").front(), 1.5);
    EXPECT_LT(recorder.Values("train/nll").back(), 0.75);
    EXPECT_LT(recorder.Values("test/error").back(), 0.2);
  }
}

TEST(ConvnetTraining, KeepsTheMeanImageBesideTheWeights) {
  const auto experiment = Make(Config(v1::CONVNET_NORM_LAYER));
  const std::vector<NamedTensor> weights = experiment->Weights();
  const NamedTensor& mean = weights.back();
  EXPECT_EQ(mean.name, "mean_image");
  EXPECT_EQ(mean.shape, (std::vector<std::int64_t>{28, 28, 1}));
  EXPECT_GT(*std::max_element(mean.data, mean.data + CountValues(mean)), 0.0f);
}

// Whitened training images have variances v / (v + eps), here nearly 1, and no correlations. Of all maps that do so this one moves
// images least: it is symmetric.
TEST(Preprocessing, WhitensByASymmetricMap) {
  v1::ConvnetConfig config = Config(v1::CONVNET_NORM_NONE);
  config.set_whitening(true);
  config.set_whitening_eps(1e-6);
  const data::ImageData data = SyntheticData(3000, 1);
  const std::int64_t features = data.train.features(), count = data.train.size();
  Preprocessing preprocessing(config, data.train, count);
  std::vector<float> columns(static_cast<std::size_t>(features * count));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  data.train.GatherRange(0, count, columns.data(), labels.data());
  preprocessing.Apply(columns.data(), count);
  const auto mean_product = [&](std::int64_t i, std::int64_t j) {
    double sum = 0.0;
    for (std::int64_t b = 0; b < count; ++b) {
      sum += static_cast<double>(columns[static_cast<std::size_t>(b * features + i)]) *
             static_cast<double>(columns[static_cast<std::size_t>(b * features + j)]);
    }
    return sum / static_cast<double>(count);
  };
  for (const std::int64_t i : {300, 301, 330, 400}) {
    EXPECT_NEAR(mean_product(i, i), 1.0, 0.01) << i;
    EXPECT_NEAR(mean_product(i, i + 1), 0.0, 0.01) << i;
    EXPECT_NEAR(mean_product(i, i + 28), 0.0, 0.01) << i;
  }
  // Along the mean image too, whose square would be the largest variance if it were not subtracted first.
  const float* mean = preprocessing.Constants().front().data;
  const double squares = std::inner_product(mean, mean + features, mean, 0.0);
  double along = 0.0;
  for (std::int64_t b = 0; b < count; ++b) {
    const double product = std::inner_product(mean, mean + features, columns.data() + b * features, 0.0);
    along += product * product / static_cast<double>(count);
  }
  EXPECT_NEAR(along / squares, 1.0, 0.01);
  const NamedTensor whitening = preprocessing.Constants().at(1);
  EXPECT_EQ(whitening.name, "whitening");
  for (const std::int64_t i : {300, 301, 330, 400}) {
    EXPECT_NEAR(whitening.data[i * features + 299], whitening.data[299 * features + i], 1e-4) << i;
  }
}

TEST(ConvnetTraining, DivergenceIsSeen) {
  v1::ConvnetConfig config = Config(v1::CONVNET_NORM_NONE);
  config.mutable_optimization()->set_optimizer(v1::OPTIMIZER_KIND_SGD);
  config.mutable_optimization()->set_learning_rate(1000.0);
  const auto experiment = Make(config);
  MemoryRecorder recorder;
  StepResult result = StepResult::kContinue;
  for (std::uint64_t step = 0; step < experiment->TotalSteps() && result == StepResult::kContinue; ++step) {
    result = experiment->Step(step, recorder);
  }
  EXPECT_EQ(result, StepResult::kDiverged);
}

TEST(ConvnetTraining, ConfigsThatDoNotFitTheDataAreRefused) {
  v1::ConvnetConfig config = Config(v1::CONVNET_NORM_NONE);
  config.set_train_images(121);
  EXPECT_THAT(std::string(MakeConvnet(config, 1, SyntheticData(120, 60)).status().message()),
              HasSubstr("convnet.train_images is 121"));
  config.set_train_images(0);
  config.set_batch_size(121);
  EXPECT_THAT(std::string(MakeConvnet(config, 1, SyntheticData(120, 60)).status().message()),
              HasSubstr("convnet.batch_size is 121; expected 1 to the 120"));
  const ExperimentContext nowhere{.data_directories = {"/nonexistent"}, .facts = nullptr};
  EXPECT_EQ(MakeConvnet(config, 1, nowhere).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace normlab
