#include "experiments/draw/draw_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "data/order.h"
#include "data/registry.h"
#include "experiments/draw/draw.h"
#include "experiments/draw/draw_pictures.h"
#include "experiments/engine.h"
#include "experiments/training/training_loop.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::int64_t kReconstructions = 50;
constexpr std::int64_t kDrawnImages = 8;

DrawStart StartOf(v1::DrawStart start) {
  switch (start) {
    case v1::DRAW_START_LEARNED_STATES:
      return DrawStart::kLearnedStates;
    case v1::DRAW_START_LEARNED:
      return DrawStart::kLearnedStatesAndCanvas;
    default:
      return DrawStart::kZeros;
  }
}

DrawSpec SpecOf(const v1::DrawConfig& config, nn::Index side) {
  return {.height = side,
          .width = side,
          .glimpses = config.glimpses(),
          .units = config.units(),
          .latent = config.latent_size(),
          .read = config.read_size(),
          .write = config.write_size(),
          .attention = config.attention(),
          .norm = {.kind = NormKindOf(config.norm(), {.value = config.norm_eps(),
                                                      .placement = EpsPlacementOf(config.norm_eps_placement())})},
          .init = InitializerOf(config.init()),
          .bias_init = LstmBiasOf(config.lstm_bias(), config.units()),
          .forget_bias = config.forget_bias(),
          .start = StartOf(config.start())};
}

class DrawTask final : public Task {
 public:
  DrawTask(const v1::DrawConfig& config, std::uint64_t seed, nn::Index side, data::BinarizedMnistData data);

  nn::ParameterStore& Parameters() override { return store_; }
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;

 private:
  GlimpseNoise Noise(std::string_view purpose, std::uint64_t pass) const { return {seed_, purpose, pass}; }
  nn::Var Input(nn::Tape& tape, std::int64_t count) const {
    return tape.input("image", columns_.data(), data_.train.features(), count);
  }
  void Paint(std::uint64_t updates_done, Recorder& recorder);
  nn::Var SpreadTestImages(std::int64_t count);

  const std::uint64_t seed_;
  data::BinarizedMnistData data_;
  const std::int64_t largest_batch_;
  nn::ParameterStore store_;
  Draw model_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  std::vector<float> columns_;  // P x B
};

DrawTask::DrawTask(const v1::DrawConfig& config, std::uint64_t seed, nn::Index side, data::BinarizedMnistData data)
    : seed_(seed),
      data_(std::move(data)),
      largest_batch_(data::ShuffledOrder(seed, data_.train.size(), config.batch_size()).LargestBatch()),
      store_(seed),
      model_(nn::Scope(store_), SpecOf(config, side)),
      columns_(static_cast<std::size_t>(data_.train.features() *
                                        std::max({largest_batch_, kReconstructions, kDrawnImages}))) {}

BatchLoss DrawTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) {
  data_.train.Gather(examples, columns_.data());
  const nn::Var images = Input(tape, static_cast<std::int64_t>(examples.size()));
  return {model_.Bound(images, Noise("draw/noise/train", step.key.update), step.mode).Total()};
}

StepResult DrawTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  double nll = 0.0, kl = 0.0;
  const std::int64_t size = largest_batch_;
  const std::int64_t batches = (data_.test.size() + size - 1) / size;
  for (std::int64_t b = 0; b < batches; ++b) {
    const std::int64_t begin = b * size, end = std::min(begin + size, data_.test.size());
    data_.test.GatherRange(begin, end, columns_.data());
    evaluation_tape_.reset();
    const auto pass = moment.updates * static_cast<std::uint64_t>(batches) + static_cast<std::uint64_t>(b);
    const DrawBound<float> bound =
        model_.Bound(Input(evaluation_tape_, end - begin), Noise("draw/noise/test", pass), nn::Mode::kEvaluate);
    nll += static_cast<double>(bound.nll.scalar()) * static_cast<double>(end - begin);
    kl += static_cast<double>(bound.kl.scalar()) * static_cast<double>(end - begin);
  }
  const auto images = static_cast<double>(data_.test.size());
  recorder.Point("train/bound", moment.updates, static_cast<double>(moment.train.loss() / moment.train.weight()));
  recorder.Point("test/bound", moment.updates, (nll + kl) / images);
  recorder.Point("test/nll", moment.updates, nll / images);
  recorder.Point("test/kl", moment.updates, kl / images);
  recorder.Point("train/epoch", moment.updates, moment.passes());
  if (!std::isfinite(nll + kl)) {
    return StepResult::kDiverged;
  }
  Paint(moment.updates, recorder);
  return StepResult::kContinue;
}

// The test images are sorted by class: some of each.
nn::Var DrawTask::SpreadTestImages(std::int64_t count) {
  count = std::min(count, data_.test.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t image = i * data_.test.size() / count;
    data_.test.GatherRange(image, image + 1, columns_.data() + i * data_.test.features());
  }
  evaluation_tape_.reset();
  return Input(evaluation_tape_, count);
}

void DrawTask::Paint(std::uint64_t updates_done, Recorder& recorder) {
  const GlimpseNoise noise = Noise("draw/noise/pictures", 0);  // the same each time: pictures show the model's change
  const auto keep = [&](std::string_view name, std::string png) {
    recorder.Artifact(name, "image/png", updates_done, std::move(png));
  };
  evaluation_tape_.reset();
  keep("samples.png", DrawSamplesPng(model_, evaluation_tape_, noise));
  keep("reconstructions.png", DrawReconstructionsPng(model_, SpreadTestImages(kReconstructions), noise));
  keep("glimpses.png", DrawGlimpsesPng(model_, SpreadTestImages(kDrawnImages), noise));
}

absl::Status CheckFit(const v1::DrawConfig& config, const data::BinarizedMnistData& data, nn::Index side) {
  if (config.norm() == v1::NORM_KIND_BATCH) {
    return absl::InvalidArgumentError(
        "draw.norm is batch, which DRAW has no place for; expected none, layer, weight or rms");
  }
  if (side * side != data.train.features() || data.train.features() != data.test.features()) {
    return absl::InvalidArgumentError(fmt::format("the images have {} and {} pixels; expected a square, the same twice",
                                                  data.train.features(), data.test.features()));
  }
  if (config.train_images() > data.train.size() || config.test_images() > data.test.size()) {
    return absl::InvalidArgumentError(
        fmt::format("draw.train_images is {} and draw.test_images {}; the data set has {} and {}",
                    config.train_images(), config.test_images(), data.train.size(), data.test.size()));
  }
  if (config.batch_size() > config.train_images()) {
    return absl::InvalidArgumentError(fmt::format("draw.batch_size is {}; expected 1 to train_images ({})",
                                                  config.batch_size(), config.train_images()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeDraw(const v1::DrawConfig& config, std::uint64_t seed,
                                                     data::BinarizedMnistData data) {
  const auto side = static_cast<nn::Index>(std::lround(std::sqrt(static_cast<double>(data.train.features()))));
  NORMLAB_RETURN_IF_ERROR(CheckFit(config, data, side));
  data.train.KeepSpread(config.train_images());
  data.test.KeepSpread(config.test_images());
  const TrainingPlan plan{.seed = seed,
                          .passes = static_cast<std::uint64_t>(config.epochs()),
                          .evaluation_interval = static_cast<std::uint64_t>(config.evaluation_interval()),
                          .loss_series = "train/batch_bound",
                          .record_gradient_norm = true,
                          .running_mean = "bounds_since_evaluation"};
  auto order = std::make_unique<data::ShuffledOrder>(seed, data.train.size(), config.batch_size());
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<DrawTask>(config, seed, side, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeDraw(const v1::DrawConfig& config, std::uint64_t seed,
                                                     const ExperimentContext& context) {
  const std::string name = ConfigDatasetName(config);
  const data::DatasetInfo* dataset = data::FindDataset(name);
  NORMLAB_ASSIGN_OR_RETURN(data::BinarizedMnistData data, data::LoadBinarizedMnist(*dataset, context.data_directories));
  if (context.facts != nullptr) {
    (*context.facts)["data." + name] = data.sha256;
  }
  return MakeDraw(config, seed, std::move(data));
}

}  // namespace normlab
