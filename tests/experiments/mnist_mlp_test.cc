// What a run consists of: its tensors, its series and their steps, how it ends, and what it refuses.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/paths.h"
#include "data/registry.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "proto/spec.h"
#include "testing.h"

namespace normlab {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

v1::MnistMlpConfig SmallConfig() {
  v1::MnistMlpConfig config = DefaultConfig();
  config.set_hidden_units(30);
  config.set_batch_size(32);
  config.set_train_images(100);
  config.set_test_images(50);
  config.set_passes(2);
  return config;
}

std::unique_ptr<Experiment> Make(const v1::MnistMlpConfig& config) {
  auto made = MakeMnistMlp(config, 1, SyntheticData(120, 60));
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

std::string Describe(const std::vector<NamedTensor>& tensors) {
  std::string text;
  for (const NamedTensor& tensor : tensors) {
    text += fmt::format("{} {}\n", tensor.name, fmt::join(tensor.shape, " "));
  }
  return text;
}

std::int64_t Count(const std::vector<NamedTensor>& tensors) {
  std::int64_t count = 0;
  for (const NamedTensor& tensor : tensors) {
    count += CountValues(tensor);
  }
  return count;
}

v1::MnistMlpConfig PaperConfig(v1::NormKind norm) {
  v1::MnistMlpConfig config = DefaultConfig();
  config.set_norm(norm);
  config.set_train_images(120);
  config.set_batch_size(60);
  config.set_test_images(60);
  return config;
}

// Golden: a layer's own gain and bias, and nothing wider. Shapes are PyTorch's [out, in].
TEST(Weights, LayerNormHasTheTensorsOfThePaper) {
  const auto experiment = Make(PaperConfig(v1::NORM_KIND_LAYER));
  EXPECT_EQ(Describe(experiment->Weights()),
            "hidden1.weight 1000 784\n"
            "hidden1.norm.gain 1000\n"
            "hidden1.norm.bias 1000\n"
            "hidden2.weight 1000 1000\n"
            "hidden2.norm.gain 1000\n"
            "hidden2.norm.bias 1000\n"
            "output.weight 10 1000\n"
            "output.bias 10\n");
}

TEST(Weights, BatchNormCoversTheLogits) {
  const auto experiment = Make(PaperConfig(v1::NORM_KIND_BATCH));
  EXPECT_THAT(Describe(experiment->Weights()), HasSubstr("output.norm.gain 10\noutput.norm.bias 10\n"));
  v1::MnistMlpConfig hidden_only = PaperConfig(v1::NORM_KIND_BATCH);
  hidden_only.set_batch_norm_logits(false);
  EXPECT_THAT(Describe(Make(hidden_only)->Weights()), Not(HasSubstr("output.norm.gain")));
}

// 784 x 1000 + 1000 x 1000 + 1000 x 10 weights = 1,794,000; the rest are biases and gains. (The same network in PyTorch
// has 2,000 more with layer normalisation: nn.Linear keeps a bias in front of it, which the paper's equations do not
// have.)
TEST(Weights, CountsOfThePaperSize) {
  EXPECT_EQ(Count(Make(PaperConfig(v1::NORM_KIND_NONE))->Weights()), 1794000 + 1000 + 1000 + 10);
  EXPECT_EQ(Count(Make(PaperConfig(v1::NORM_KIND_LAYER))->Weights()), 1794000 + 2 * 2000 + 10);
  EXPECT_EQ(Count(Make(PaperConfig(v1::NORM_KIND_BATCH))->Weights()), 1794000 + 2 * 2010);
  EXPECT_EQ(Count(Make(PaperConfig(v1::NORM_KIND_WEIGHT))->Weights()), 1794000 + 2 * 2000 + 10);
  EXPECT_EQ(Count(Make(PaperConfig(v1::NORM_KIND_RMS))->Weights()), 1794000 + 2 * 2000 + 10);
}

TEST(State, HoldsWeightsRunningAveragesAndMoments) {
  const auto experiment = Make(PaperConfig(v1::NORM_KIND_BATCH));
  const std::int64_t weights = Count(experiment->Weights());
  EXPECT_EQ(Count(experiment->State()), 3 * weights + 2 * 2010);
  const std::string names = Describe(experiment->State());
  for (const char* name : {"hidden1.norm.mean 1000", "output.norm.variance 10", "adam.m.hidden1.weight 1000 784",
                           "adam.v.output.norm.bias 10"}) {
    EXPECT_THAT(names, HasSubstr(name));
  }
}

TEST(Run, RecordsTheSeriesOfFigure6) {
  const v1::MnistMlpConfig config = SmallConfig();
  const auto experiment = Make(config);
  ASSERT_EQ(experiment->TotalSteps(), 8u);  // 32 + 32 + 32 + 4 examples, twice
  MemoryRecorder recorder;
  experiment->Begin(recorder);
  for (std::uint64_t step = 0; step < 8; ++step) {
    EXPECT_EQ(experiment->Step(step, recorder), StepResult::kContinue);
  }
  EXPECT_THAT(recorder.Steps("train/batch_nll"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  for (const char* series : {"train/nll", "test/nll", "test/error", "train/pass"}) {
    EXPECT_THAT(recorder.Steps(series), ElementsAre(0, 4, 8)) << series;
  }
  EXPECT_THAT(recorder.Values("train/pass"), ElementsAre(0.0, 1.0, 2.0));
  EXPECT_THAT(recorder.Values("test/error"), Each(AllOf(Ge(0.0), Le(1.0))));
  // Ten classes and small initial logits: about log 10 before any update; lower after eight.
  EXPECT_NEAR(recorder.Values("train/nll").front(), std::log(10.0), 0.5);
  EXPECT_LT(recorder.Values("train/nll").back(), recorder.Values("train/nll").front());
}

TEST(Run, UsesTheFirstImagesAsked) {
  v1::MnistMlpConfig config = SmallConfig();
  config.set_train_images(64);
  config.set_test_images(10);
  const auto experiment = Make(config);
  EXPECT_EQ(experiment->TotalSteps(), 4u);
  MemoryRecorder recorder;
  experiment->Begin(recorder);
  EXPECT_EQ(std::fmod(recorder.Values("test/error").front() * 10.0, 1.0), 0.0);
}

TEST(Run, DivergenceIsRecordedAndReported) {
  v1::MnistMlpConfig config = SmallConfig();
  config.mutable_optimization()->set_optimizer(v1::OPTIMIZER_KIND_SGD);
  config.mutable_optimization()->set_learning_rate(1000.0);
  config.set_passes(50);
  const auto experiment = Make(config);
  MemoryRecorder recorder;
  StepResult result = StepResult::kContinue;
  std::uint64_t step = 0;
  while (result == StepResult::kContinue && step < experiment->TotalSteps()) {
    result = experiment->Step(step++, recorder);
  }
  EXPECT_EQ(result, StepResult::kDiverged);
  EXPECT_FALSE(std::isfinite(recorder.points().back().value) &&
               std::isfinite(recorder.Values("train/batch_nll").back()) &&
               std::isfinite(recorder.Values("train/nll").back()));
}

TEST(Run, ALossThatIsNotANumberEndsItBeforeTheUpdate) {
  const auto experiment = Make(SmallConfig());
  MemoryRecorder recorder;
  experiment->Weights().back().data[0] = std::numeric_limits<float>::quiet_NaN();
  const std::string before = StateSha256(*experiment);
  EXPECT_EQ(experiment->Step(0, recorder), StepResult::kDiverged);
  EXPECT_EQ(StateSha256(*experiment), before);
  EXPECT_TRUE(std::isnan(recorder.Values("train/batch_nll").front()));
}

TEST(Make, RefusesWhatTheDataCannotServe) {
  v1::MnistMlpConfig config = SmallConfig();
  config.set_train_images(121);
  const absl::Status too_many = MakeMnistMlp(config, 1, SyntheticData(120, 60)).status();
  EXPECT_EQ(too_many.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(too_many), HasSubstr("train_images is 121"));
  config.set_train_images(20);
  EXPECT_THAT(Message(MakeMnistMlp(config, 1, SyntheticData(120, 60)).status()),
              HasSubstr("batch_size is 32; expected 1 to train_images (20)"));
}

v1::JobSpec Resolved(v1::MnistDataset dataset) {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp()->set_dataset(dataset);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations);
}

TEST(Make, WithoutDataSaysHowToGetIt) {
  const absl::Status status =
      MakeExperiment(Resolved(v1::MNIST_DATASET_MNIST), {.data_directories = {"/nonexistent"}, .facts = nullptr})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("normlab data fetch mnist"));
}

TEST(Make, ReportsWhatTheRunIsFed) {
  std::map<std::string, std::string> facts;
  const auto experiment = MakeExperiment(Resolved(v1::MNIST_DATASET_FASHION_MNIST),
                                         {.data_directories = DataDirectories(), .facts = &facts});
  if (absl::IsNotFound(experiment.status())) {
    GTEST_SKIP() << Message(experiment.status());
  }
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  EXPECT_EQ(facts["data.fashion_mnist"], data::DatasetSha256(*data::FindDataset("fashion_mnist")));
  EXPECT_EQ((*experiment)->TotalSteps(), 4u * 430u);
}

TEST(Make, ASpecWithoutExperimentIsRefused) {
  EXPECT_EQ(MakeExperiment(v1::JobSpec(), {.data_directories = {}, .facts = nullptr}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace normlab
