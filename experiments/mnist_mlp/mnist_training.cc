#include "experiments/mnist_mlp/mnist_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/order.h"
#include "data/registry.h"
#include "experiments/mnist_mlp/mnist_mlp.h"
#include "experiments/training/training_loop.h"
#include "nn/ops/cross_entropy.h"
#include "proto/spec.h"

namespace normlab {
namespace {

// Examples evaluated at once: enough for full speed in the matrix products, little enough to stay in the cache.
constexpr std::int64_t kEvaluationBatch = 500;

// A batch of images as the network takes them.
struct Batch {
  Batch(std::int64_t features, std::int64_t capacity)
      : columns(static_cast<std::size_t>(features * capacity)), labels(static_cast<std::size_t>(capacity)) {}

  std::vector<float> columns;  // F x B
  std::vector<std::int32_t> labels;
};

class MnistTask final : public Task {
 public:
  MnistTask(const v1::MnistMlpConfig& config, std::uint64_t seed, data::ImageData data);

  nn::ParameterStore& Parameters() override { return store_; }
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;

 private:
  nn::Var Input(nn::Tape& tape, const Batch& batch, std::int64_t count) const;
  // Runs the network over all images in evaluation mode, in order; use(logits, labels) gets them batch by batch.
  template <typename Use>
  void ForEachEvaluated(const data::LabelledImages& images, Use use);
  nn::Classification Classify(const data::LabelledImages& images);

  data::ImageData data_;
  nn::ParameterStore store_;
  MnistMlp model_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  Batch batch_;
  Batch evaluation_batch_;
};

MnistTask::MnistTask(const v1::MnistMlpConfig& config, std::uint64_t seed, data::ImageData data)
    : data_(std::move(data)),
      store_(seed),
      model_(nn::Scope(store_), config, data_.train.features()),
      batch_(data_.train.features(), data::ShuffledOrder(seed, data_.train.size(), config.batch_size()).LargestBatch()),
      evaluation_batch_(data_.train.features(), kEvaluationBatch) {}

nn::Var MnistTask::Input(nn::Tape& tape, const Batch& batch, std::int64_t count) const {
  return tape.input("pixels", batch.columns.data(), data_.train.features(), count);
}

BatchLoss MnistTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) {
  data_.train.Gather(examples, batch_.columns.data(), batch_.labels.data());
  const nn::Var pixels = Input(tape, batch_, static_cast<std::int64_t>(examples.size()));
  const nn::Var logits = model_.Logits(pixels, step);
  return {nn::softmax_cross_entropy(logits, std::span(batch_.labels).first(examples.size()))};
}

template <typename Use>
void MnistTask::ForEachEvaluated(const data::LabelledImages& images, Use use) {
  for (std::int64_t begin = 0; begin < images.size(); begin += kEvaluationBatch) {
    const std::int64_t end = std::min(begin + kEvaluationBatch, images.size());
    images.GatherRange(begin, end, evaluation_batch_.columns.data(), evaluation_batch_.labels.data());
    evaluation_tape_.reset();
    const nn::Var pixels = Input(evaluation_tape_, evaluation_batch_, end - begin);
    use(model_.Logits(pixels, {.mode = nn::Mode::kEvaluate}),
        std::span(evaluation_batch_.labels).first(static_cast<std::size_t>(end - begin)));
  }
}

nn::Classification MnistTask::Classify(const data::LabelledImages& images) {
  nn::Classification total;
  ForEachEvaluated(
      images, [&](nn::Var logits, std::span<const std::int32_t> labels) { total += nn::classify(logits, labels); });
  return total;
}

StepResult MnistTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  const std::array<nn::Normalizer*, 3> sites = model_.Sites();
  nn::recompute_population<float>(
      sites, [this](std::size_t) { ForEachEvaluated(data_.train, [](nn::Var, std::span<const std::int32_t>) {}); });
  const nn::Classification train = Classify(data_.train);
  const nn::Classification test = Classify(data_.test);
  const auto train_size = static_cast<double>(data_.train.size());
  const auto test_size = static_cast<double>(data_.test.size());
  const auto whole_passes = moment.updates / moment.updates_per_pass;
  recorder.Point("train/pass", moment.updates, static_cast<double>(whole_passes));
  recorder.Point("train/nll", moment.updates, train.nll_sum / train_size);
  recorder.Point("test/nll", moment.updates, test.nll_sum / test_size);
  recorder.Point("test/error", moment.updates, static_cast<double>(test.errors) / test_size);
  return std::isfinite(train.nll_sum + test.nll_sum) ? StepResult::kContinue : StepResult::kDiverged;
}

absl::Status CheckFit(const v1::MnistMlpConfig& config, const data::ImageData& data) {
  if (config.train_images() > data.train.size() || config.test_images() > data.test.size()) {
    return absl::InvalidArgumentError(
        fmt::format("mnist_mlp: train_images is {} and test_images is {}; the data has {} and {}",
                    config.train_images(), config.test_images(), data.train.size(), data.test.size()));
  }
  if (config.batch_size() < 1 || config.batch_size() > config.train_images()) {
    return absl::InvalidArgumentError(fmt::format("mnist_mlp.batch_size is {}; expected 1 to train_images ({})",
                                                  config.batch_size(), config.train_images()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeMnistMlp(const v1::MnistMlpConfig& config, std::uint64_t seed,
                                                         data::ImageData data) {
  NORMLAB_RETURN_IF_ERROR(CheckFit(config, data));
  data.train.KeepFirst(config.train_images());
  data.test.KeepFirst(config.test_images());
  const TrainingPlan plan{.seed = seed, .passes = static_cast<std::uint64_t>(config.passes()), .evaluate_before = true};
  auto order = std::make_unique<data::ShuffledOrder>(seed, data.train.size(), config.batch_size());
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<MnistTask>(config, seed, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeMnistMlp(const v1::MnistMlpConfig& config, std::uint64_t seed,
                                                         const ExperimentContext& context) {
  const std::string name = ConfigDatasetName(config);
  const data::DatasetInfo* dataset = data::FindDataset(name);
  NORMLAB_ASSIGN_OR_RETURN(data::ImageData data, data::LoadMnist(*dataset, context.data_directories));
  if (context.facts != nullptr) {
    (*context.facts)["data." + name] = data.sha256;
  }
  return MakeMnistMlp(config, seed, std::move(data));
}

}  // namespace normlab
