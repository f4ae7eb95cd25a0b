#include "experiments/convnet/convnet_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "data/cifar10.h"
#include "data/mnist.h"
#include "data/order.h"
#include "data/registry.h"
#include "experiments/convnet/convnet.h"
#include "experiments/convnet/convnet_pictures.h"
#include "experiments/convnet/position_statistics.h"
#include "experiments/convnet/preprocessing.h"
#include "experiments/engine.h"
#include "experiments/training/training_loop.h"
#include "nn/ops/cross_entropy.h"
#include "proto/convnet.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::int64_t kEvaluationBatch = 100;
// Test images that units are watched over.
constexpr std::int64_t kWatched = 1000;

nn::NormSpec NormOf(const v1::ConvnetConfig& config) {
  const nn::NormEps eps{.value = config.norm_eps()};
  switch (config.norm()) {
    case v1::CONVNET_NORM_BATCH:
      return {.kind = nn::BatchNorm{.eps = eps,
                                    .statistics = BatchStatisticsOf(config.batch_norm_statistics()),
                                    .decay = config.batch_norm_decay()}};
    case v1::CONVNET_NORM_LAYER:
      return {.kind = nn::LayerNorm{.eps = eps}};
    case v1::CONVNET_NORM_LAYER_POSITION:
      return {.kind = nn::LayerNorm{.over = nn::NormOver::kPosition, .eps = eps}};
    case v1::CONVNET_NORM_LAYER_CHANNEL:
      return {.kind = nn::LayerNorm{.over = nn::NormOver::kPositions, .eps = eps}};
    case v1::CONVNET_NORM_GROUP:
      return {.kind = nn::GroupNorm{.groups = config.groups(), .eps = eps}};
    case v1::CONVNET_NORM_INSTANCE:
      return {.kind = nn::InstanceNorm{.eps = eps}, .affine = {.source = nn::AffineSource::kNone}};
    case v1::CONVNET_NORM_WEIGHT:
      return {.kind = nn::WeightNorm{}};
    case v1::CONVNET_NORM_RMS:
      return {.kind = nn::RmsNorm{.eps = eps}};
    default:
      return {};
  }
}

nn::Padding PaddingOf(v1::ConvnetPadding padding) {
  switch (padding) {
    case v1::CONVNET_PADDING_REFLECT:
      return nn::Padding::kReflect;
    case v1::CONVNET_PADDING_CIRCULAR:
      return nn::Padding::kCircular;
    default:
      return nn::Padding::kZero;
  }
}

ConvnetSpec SpecOf(const v1::ConvnetConfig& config, const data::ImageShape& shape) {
  return {.input = {.channels = shape.channels, .height = shape.height, .width = shape.width},
          .kind = IsConvPool(config) ? ConvnetKind::kConvPool : ConvnetKind::kCaffe,
          .channels = FirstChannels(config),
          .norm = NormOf(config),
          .padding = PaddingOf(config.padding()),
          .leak = config.leak(),
          .dropout = config.dropout(),
          .init = InitializerOf(config.init())};
}

class ConvnetTask final : public Task {
 public:
  ConvnetTask(const v1::ConvnetConfig& config, std::uint64_t seed, data::ImageData data);

  nn::ParameterStore& Parameters() override { return store_; }
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;
  std::vector<NamedTensor> Constants() override { return preprocessing_.Constants(); }

 private:
  // The first `count` images of columns_.
  nn::Var Input(nn::Tape& tape, std::int64_t count) {
    return tape.input("pixels", columns_.data(), data_.train.features(), count);
  }
  void AddNoise(std::int64_t count, const nn::Step& step);
  // Runs the network over all images in evaluation mode, in order; use(logits, labels, first layer) gets them batch by batch.
  template <typename Use>
  void ForEachEvaluated(const data::LabelledImages& images, Use use);
  void RecordUnits(const PositionStatistics& units, std::uint64_t updates, Recorder& recorder);
  nn::Index KernelSide() { return static_cast<nn::Index>(model_.FirstKernels().shape()[1]); }

  const v1::ConvnetConfig config_;
  data::ImageData data_;
  const std::int64_t largest_batch_;
  Preprocessing preprocessing_;
  nn::ParameterStore store_;
  Convnet model_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  std::vector<float> columns_;  // F x B
  std::vector<std::int32_t> labels_;
};

ConvnetTask::ConvnetTask(const v1::ConvnetConfig& config, std::uint64_t seed, data::ImageData data)
    : config_(config),
      data_(std::move(data)),
      largest_batch_(std::max(data::ShuffledOrder(seed, data_.train.size(), config.batch_size()).LargestBatch(),
                              kEvaluationBatch)),
      preprocessing_(config, data_.train, largest_batch_),
      store_(seed),
      model_(nn::Scope(store_), SpecOf(config, data_.train.shape())),
      columns_(static_cast<std::size_t>(data_.train.features() * largest_batch_)),
      labels_(static_cast<std::size_t>(largest_batch_)) {}

void ConvnetTask::AddNoise(std::int64_t count, const nn::Step& step) {
  const auto values = static_cast<std::size_t>(count * data_.train.features());
  Rng rng = step.rng("convnet/input_noise");
  for (float& pixel : std::span(columns_).first(values)) {
    pixel += static_cast<float>(config_.input_noise() * rng.Normal());
  }
}

BatchLoss ConvnetTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) {
  const auto count = static_cast<std::int64_t>(examples.size());
  data_.train.Gather(examples, columns_.data(), labels_.data());
  preprocessing_.Apply(columns_.data(), count);
  if (config_.input_noise() > 0.0) {
    AddNoise(count, step);
  }
  const nn::Var logits = model_.Logits(Input(tape, count), step);
  return {nn::softmax_cross_entropy(logits, std::span<const std::int32_t>(labels_).first(examples.size()))};
}

template <typename Use>
void ConvnetTask::ForEachEvaluated(const data::LabelledImages& images, Use use) {
  for (std::int64_t begin = 0; begin < images.size(); begin += kEvaluationBatch) {
    const std::int64_t end = std::min(begin + kEvaluationBatch, images.size());
    images.GatherRange(begin, end, columns_.data(), labels_.data());
    preprocessing_.Apply(columns_.data(), end - begin);
    evaluation_tape_.reset();
    nn::Var first;
    const nn::Var logits = model_.Logits(Input(evaluation_tape_, end - begin), {.mode = nn::Mode::kEvaluate}, &first);
    use(logits, std::span<const std::int32_t>(labels_).first(static_cast<std::size_t>(end - begin)), first);
  }
}

StepResult ConvnetTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  nn::recompute_population<float>(model_.Sites(),
                                  [this](std::size_t) { ForEachEvaluated(data_.train, [](auto&&...) {}); });
  PositionStatistics units(model_.FirstImage(), KernelSide() / 2);
  std::int64_t watched = 0;
  nn::Classification test;
  ForEachEvaluated(data_.test, [&](nn::Var logits, std::span<const std::int32_t> labels, nn::Var first) {
    test += nn::classify(logits, labels);
    const auto watch = std::min(static_cast<std::int64_t>(labels.size()), kWatched - watched);
    units.Add(first.data(), watch);
    watched += watch;
  });
  const auto size = static_cast<double>(data_.test.size());
  recorder.Point("train/epoch", moment.updates, moment.passes());
  recorder.Point("train/nll", moment.updates,
                 static_cast<double>(moment.train.loss()) / static_cast<double>(moment.train.weight()));
  recorder.Point("test/nll", moment.updates, test.nll_sum / size);
  recorder.Point("test/error", moment.updates, static_cast<double>(test.errors) / size);
  if (!std::isfinite(test.nll_sum)) {
    return StepResult::kDiverged;
  }
  RecordUnits(units, moment.updates, recorder);
  return StepResult::kContinue;
}

void ConvnetTask::RecordUnits(const PositionStatistics& units, std::uint64_t updates, Recorder& recorder) {
  const nn::Image& image = model_.FirstImage();
  nn::BasicParameter<float>& kernels = model_.FirstKernels();
  const PositionStatistics::Group border = units.Border(), centre = units.Centre();
  recorder.Point("border/firing_rate", updates, border.firing_rate);
  recorder.Point("centre/firing_rate", updates, centre.firing_rate);
  recorder.Point("border/rarely_active", updates, border.rarely_active);
  recorder.Point("centre/rarely_active", updates, centre.rarely_active);
  recorder.Point("border/activation", updates, border.activation);
  recorder.Point("centre/activation", updates, centre.activation);
  recorder.Point("border/less_active", updates, centre.firing_rate - border.firing_rate);
  recorder.Point("border/unlike", updates, border.distance - centre.distance);
  recorder.Artifact("filters.png", "image/png", updates,
                    FiltersPng(kernels.value(), image.channels, KernelSide(), data_.train.shape().channels));
  recorder.Artifact("firing_rates.png", "image/png", updates, FiringRatesPng(units.FiringRates(), image));
}

absl::Status CheckFit(const v1::ConvnetConfig& config, const data::ImageData& data) {
  if (config.train_images() > data.train.size() || config.test_images() > data.test.size()) {
    return absl::InvalidArgumentError(
        fmt::format("convnet.train_images is {} and convnet.test_images {}; the data set has {} and {}",
                    config.train_images(), config.test_images(), data.train.size(), data.test.size()));
  }
  const std::int64_t used = config.train_images() != 0 ? config.train_images() : data.train.size();
  if (config.batch_size() > used) {
    return absl::InvalidArgumentError(
        fmt::format("convnet.batch_size is {}; expected 1 to the {} training images", config.batch_size(), used));
  }
  return absl::OkStatus();
}

absl::StatusOr<data::ImageData> Load(const data::DatasetInfo& dataset, const std::vector<std::string>& directories) {
  return dataset.name == "cifar10" ? data::LoadCifar10(dataset, directories)
                                   : data::LoadMnist(dataset, directories, /*held_out=*/0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeConvnet(const v1::ConvnetConfig& config, std::uint64_t seed,
                                                        data::ImageData data) {
  NORMLAB_RETURN_IF_ERROR(CheckFit(config, data));
  data.train.KeepFirst(config.train_images() != 0 ? config.train_images() : data.train.size());
  data.test.KeepFirst(config.test_images() != 0 ? config.test_images() : data.test.size());
  const TrainingPlan plan{.seed = seed,
                          .passes = static_cast<std::uint64_t>(config.epochs()),
                          .evaluation_interval = static_cast<std::uint64_t>(config.evaluation_interval()),
                          .running_mean = "train.since_evaluation"};
  auto order = std::make_unique<data::ShuffledOrder>(seed, data.train.size(), config.batch_size());
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<ConvnetTask>(config, seed, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeConvnet(const v1::ConvnetConfig& config, std::uint64_t seed,
                                                        const ExperimentContext& context) {
  const std::string name = ConfigDatasetName(config);
  NORMLAB_ASSIGN_OR_RETURN(data::ImageData data, Load(*data::FindDataset(name), context.data_directories));
  if (context.facts != nullptr) {
    (*context.facts)["data." + name] = data.sha256;
  }
  return MakeConvnet(config, seed, std::move(data));
}

}  // namespace normlab
