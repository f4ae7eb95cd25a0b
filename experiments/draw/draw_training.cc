#include "experiments/draw/draw_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "data/order.h"
#include "data/registry.h"
#include "experiments/draw/draw.h"
#include "experiments/draw/draw_pictures.h"
#include "experiments/engine.h"
#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"

namespace normlab {
namespace {

constexpr std::int64_t kReconstructions = 50;
constexpr std::int64_t kDrawnImages = 8;

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
          .forget_bias = config.forget_bias()};
}

nn::OptimizerSpec OptimizerOf(const v1::DrawConfig& config) {
  return {.learning_rate = config.learning_rate(),
          .beta1 = config.beta1(),
          .beta2 = config.beta2(),
          .bias_correction = config.adam_bias_correction(),
          .eps = config.adam_eps()};
}

class DrawTraining final : public Experiment {
 public:
  DrawTraining(const v1::DrawConfig& config, std::uint64_t seed, nn::Index side, data::BinarizedMnistData data);

  std::uint64_t TotalSteps() const override { return total_steps_; }
  StepResult Step(std::uint64_t step, Recorder& recorder) override;
  std::vector<NamedTensor> State() override;
  std::vector<NamedTensor> Weights() override { return Tensors({store_.list_parameters()}); }

 private:
  GlimpseNoise Noise(std::string_view purpose, std::uint64_t pass) const { return {seed_, purpose, pass}; }
  nn::Var Input(nn::Tape& tape, std::int64_t count) const {
    return tape.input("image", columns_.data(), data_.train.features(), count);
  }
  bool EvaluationFollows(std::uint64_t updates_done) const {
    return updates_done % evaluation_interval_ == 0 || updates_done == total_steps_;
  }
  StepResult Evaluate(std::uint64_t updates_done, Recorder& recorder);
  void Paint(std::uint64_t updates_done, Recorder& recorder);
  nn::Var SpreadTestImages(std::int64_t count);

  const std::uint64_t seed_;
  const nn::ClipSpec clip_;
  data::BinarizedMnistData data_;
  data::BatchOrder order_;
  const std::uint64_t total_steps_;
  const std::uint64_t evaluation_interval_;
  nn::ParameterStore store_;
  Draw model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  nn::Tape tape_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  std::vector<float> columns_;              // P x B
  std::array<float, 2> bounds_since_ = {};  // sum and number of train/batch_bound since the last evaluation
};

DrawTraining::DrawTraining(const v1::DrawConfig& config, std::uint64_t seed, nn::Index side,
                           data::BinarizedMnistData data)
    : seed_(seed),
      clip_{.kind = nn::ClipKind::kGlobalNorm, .limit = config.clip_norm()},
      data_(std::move(data)),
      order_(seed, data_.train.size(), config.batch_size()),
      total_steps_(static_cast<std::uint64_t>(config.epochs()) * order_.UpdatesPerPass()),
      evaluation_interval_(config.evaluation_interval() == 0
                               ? order_.UpdatesPerPass()
                               : static_cast<std::uint64_t>(config.evaluation_interval())),
      store_(seed),
      model_(nn::Scope(store_), SpecOf(config, side)),
      optimizer_(nn::make_optimizer(store_, OptimizerOf(config))),
      columns_(static_cast<std::size_t>(data_.train.features() *
                                        std::max({order_.LargestBatch(), kReconstructions, kDrawnImages}))) {}

StepResult DrawTraining::Step(std::uint64_t step, Recorder& recorder) {
  const std::span<const std::uint32_t> examples = order_.Batch(step);
  data_.train.Gather(examples, columns_.data());
  tape_.reset();
  const nn::Var bound = model_
                            .Bound(Input(tape_, static_cast<std::int64_t>(examples.size())),
                                   Noise("draw/noise/train", step), nn::Mode::kTrain)
                            .Total();
  recorder.Point("train/batch_bound", step, bound.scalar());
  if (!std::isfinite(bound.scalar())) {
    return StepResult::kDiverged;
  }
  bounds_since_[0] += bound.scalar();
  bounds_since_[1] += 1.0f;
  tape_.backward(bound);
  const nn::ClippedGradients clipped = nn::clip_gradients(store_, clip_);
  recorder.Point("train/gradient_norm", step, *clipped.norm);
  if (!std::isfinite(*clipped.norm)) {
    return StepResult::kDiverged;
  }
  optimizer_->step(step, clipped.scale);
  return EvaluationFollows(step + 1) ? Evaluate(step + 1, recorder) : StepResult::kContinue;
}

StepResult DrawTraining::Evaluate(std::uint64_t updates_done, Recorder& recorder) {
  double nll = 0.0, kl = 0.0;
  const auto size = static_cast<std::int64_t>(order_.LargestBatch());
  const std::int64_t batches = (data_.test.size() + size - 1) / size;
  for (std::int64_t b = 0; b < batches; ++b) {
    const std::int64_t begin = b * size, end = std::min(begin + size, data_.test.size());
    data_.test.GatherRange(begin, end, columns_.data());
    evaluation_tape_.reset();
    const auto pass = updates_done * static_cast<std::uint64_t>(batches) + static_cast<std::uint64_t>(b);
    const DrawBound<float> bound =
        model_.Bound(Input(evaluation_tape_, end - begin), Noise("draw/noise/test", pass), nn::Mode::kEvaluate);
    nll += static_cast<double>(bound.nll.scalar()) * static_cast<double>(end - begin);
    kl += static_cast<double>(bound.kl.scalar()) * static_cast<double>(end - begin);
  }
  const auto images = static_cast<double>(data_.test.size());
  recorder.Point("train/bound", updates_done, static_cast<double>(bounds_since_[0] / bounds_since_[1]));
  recorder.Point("test/bound", updates_done, (nll + kl) / images);
  recorder.Point("test/nll", updates_done, nll / images);
  recorder.Point("test/kl", updates_done, kl / images);
  recorder.Point("train/epoch", updates_done,
                 static_cast<double>(updates_done) / static_cast<double>(order_.UpdatesPerPass()));
  bounds_since_ = {};
  if (!std::isfinite(nll + kl)) {
    return StepResult::kDiverged;
  }
  Paint(updates_done, recorder);
  return StepResult::kContinue;
}

// The test images are sorted by class: some of each.
nn::Var DrawTraining::SpreadTestImages(std::int64_t count) {
  count = std::min(count, data_.test.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t image = i * data_.test.size() / count;
    data_.test.GatherRange(image, image + 1, columns_.data() + i * data_.test.features());
  }
  evaluation_tape_.reset();
  return Input(evaluation_tape_, count);
}

void DrawTraining::Paint(std::uint64_t updates_done, Recorder& recorder) {
  const GlimpseNoise noise = Noise("draw/noise/pictures", 0);  // the same each time: pictures show the model's change
  const auto keep = [&](std::string_view name, std::string png) {
    recorder.Artifact(name, "image/png", updates_done, std::move(png));
  };
  evaluation_tape_.reset();
  keep("samples.png", DrawSamplesPng(model_, evaluation_tape_, noise));
  keep("reconstructions.png", DrawReconstructionsPng(model_, SpreadTestImages(kReconstructions), noise));
  keep("glimpses.png", DrawGlimpsesPng(model_, SpreadTestImages(kDrawnImages), noise));
}

std::vector<NamedTensor> DrawTraining::State() {
  std::vector<NamedTensor> tensors = Tensors({store_.list_parameters(), store_.list_buffers(), optimizer_->slots()});
  tensors.push_back({"bounds_since_evaluation", {2}, bounds_since_.data()});
  return tensors;
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

const char* RegistryName(v1::DrawDataset dataset) {
  return dataset == v1::DRAW_DATASET_SAMPLED_MNIST ? "sampled_mnist" : "binarized_mnist";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeDraw(const v1::DrawConfig& config, std::uint64_t seed,
                                                     data::BinarizedMnistData data) {
  const auto side = static_cast<nn::Index>(std::lround(std::sqrt(static_cast<double>(data.train.features()))));
  NORMLAB_RETURN_IF_ERROR(CheckFit(config, data, side));
  data.train.KeepSpread(config.train_images());
  data.test.KeepSpread(config.test_images());
  return std::make_unique<DrawTraining>(config, seed, side, std::move(data));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeDraw(const v1::DrawConfig& config, std::uint64_t seed,
                                                     const ExperimentContext& context) {
  const std::string name = RegistryName(config.dataset());
  const data::DatasetInfo* dataset = data::FindDataset(name);
  NORMLAB_ASSIGN_OR_RETURN(data::BinarizedMnistData data, data::LoadBinarizedMnist(*dataset, context.data_directories));
  if (context.facts != nullptr) {
    (*context.facts)["data." + name] = data.sha256;
  }
  return MakeDraw(config, seed, std::move(data));
}

}  // namespace normlab
