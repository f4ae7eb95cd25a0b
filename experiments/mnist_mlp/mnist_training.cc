#include "experiments/mnist_mlp/mnist_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/order.h"
#include "data/registry.h"
#include "experiments/engine.h"
#include "experiments/mnist_mlp/mnist_mlp.h"
#include "nn/ops/cross_entropy.h"
#include "nn/optim/optimizer.h"

namespace normlab {
namespace {

// Examples evaluated at once: enough for full speed in the matrix products, little enough to stay in the cache.
constexpr std::int64_t kEvaluationBatch = 500;

nn::OptimizerSpec OptimizerOf(const v1::MnistMlpConfig& config) {
  const bool sgd = config.optimizer() == v1::OPTIMIZER_KIND_SGD;
  return {.kind = sgd ? nn::OptimizerKind::kSgd : nn::OptimizerKind::kAdam,
          .learning_rate = config.learning_rate(),
          .beta1 = config.beta1(),
          .beta2 = config.beta2(),
          .bias_correction = config.optimizer() == v1::OPTIMIZER_KIND_ADAM,
          .momentum = config.momentum(),
          .eps = config.adam_eps()};
}

// A batch of images as the network takes them.
struct Batch {
  Batch(std::int64_t features, std::int64_t capacity)
      : columns(static_cast<std::size_t>(features * capacity)), labels(static_cast<std::size_t>(capacity)) {}

  std::vector<float> columns;  // F x B
  std::vector<std::int32_t> labels;
};

class MnistTraining final : public Experiment {
 public:
  MnistTraining(const v1::MnistMlpConfig& config, std::uint64_t seed, data::MnistData data);

  std::uint64_t TotalSteps() const override { return total_steps_; }
  StepResult Step(std::uint64_t step, Recorder& recorder) override;
  void Begin(Recorder& recorder) override { Evaluate(0, recorder); }
  std::vector<NamedTensor> State() override;
  std::vector<NamedTensor> Weights() override { return Tensors({store_.list_parameters()}); }

 private:
  nn::Var Input(nn::Tape& tape, const Batch& batch, std::int64_t count) const;
  // Runs the network over all images in evaluation mode, in order; use(logits, labels) gets them batch by batch.
  template <typename Use>
  void ForEachEvaluated(const data::LabelledImages& images, Use use);
  nn::Classification Classify(const data::LabelledImages& images);
  StepResult Evaluate(std::uint64_t updates_done, Recorder& recorder);

  data::MnistData data_;
  data::BatchOrder order_;
  std::uint64_t total_steps_;
  nn::ParameterStore store_;
  MnistMlp model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  nn::Tape tape_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  Batch batch_;
  Batch evaluation_batch_;
};

MnistTraining::MnistTraining(const v1::MnistMlpConfig& config, std::uint64_t seed, data::MnistData data)
    : data_(std::move(data)),
      order_(seed, data_.train.size(), config.batch_size()),
      total_steps_(static_cast<std::uint64_t>(config.passes()) * order_.UpdatesPerPass()),
      store_(seed),
      model_(nn::Scope(store_), config, data_.train.features()),
      optimizer_(nn::make_optimizer(store_, OptimizerOf(config))),
      batch_(data_.train.features(), order_.LargestBatch()),
      evaluation_batch_(data_.train.features(), kEvaluationBatch) {}

nn::Var MnistTraining::Input(nn::Tape& tape, const Batch& batch, std::int64_t count) const {
  return tape.input("pixels", batch.columns.data(), data_.train.features(), count);
}

StepResult MnistTraining::Step(std::uint64_t step, Recorder& recorder) {
  const std::span<const std::uint32_t> examples = order_.Batch(step);
  data_.train.Gather(examples, batch_.columns.data(), batch_.labels.data());
  const auto size = static_cast<std::int64_t>(examples.size());

  tape_.reset();
  const nn::Var logits = model_.Logits(Input(tape_, batch_, size), {.mode = nn::Mode::kTrain});
  const nn::Var loss = nn::softmax_cross_entropy(logits, std::span(batch_.labels).first(examples.size()));
  recorder.Point("train/batch_nll", step, loss.scalar());
  if (!std::isfinite(loss.scalar())) {
    return StepResult::kDiverged;
  }
  tape_.backward(loss);
  optimizer_->step(step);
  return (step + 1) % order_.UpdatesPerPass() == 0 ? Evaluate(step + 1, recorder) : StepResult::kContinue;
}

template <typename Use>
void MnistTraining::ForEachEvaluated(const data::LabelledImages& images, Use use) {
  for (std::int64_t begin = 0; begin < images.size(); begin += kEvaluationBatch) {
    const std::int64_t end = std::min(begin + kEvaluationBatch, images.size());
    images.GatherRange(begin, end, evaluation_batch_.columns.data(), evaluation_batch_.labels.data());
    evaluation_tape_.reset();
    const nn::Var pixels = Input(evaluation_tape_, evaluation_batch_, end - begin);
    use(model_.Logits(pixels, {.mode = nn::Mode::kEvaluate}),
        std::span(evaluation_batch_.labels).first(static_cast<std::size_t>(end - begin)));
  }
}

nn::Classification MnistTraining::Classify(const data::LabelledImages& images) {
  nn::Classification total;
  ForEachEvaluated(images, [&](nn::Var logits, std::span<const std::int32_t> labels) {
    const nn::Classification part = nn::classify(logits, labels);
    total.nll_sum += part.nll_sum;
    total.errors += part.errors;
  });
  return total;
}

StepResult MnistTraining::Evaluate(std::uint64_t updates_done, Recorder& recorder) {
  const std::array<nn::Normalizer*, 3> sites = model_.Sites();
  nn::recompute_population<float>(
      sites, [this](std::size_t) { ForEachEvaluated(data_.train, [](nn::Var, std::span<const std::int32_t>) {}); });
  const nn::Classification train = Classify(data_.train);
  const nn::Classification test = Classify(data_.test);
  const auto train_size = static_cast<double>(data_.train.size());
  const auto test_size = static_cast<double>(data_.test.size());
  const auto whole_passes = updates_done / order_.UpdatesPerPass();
  recorder.Point("train/pass", updates_done, static_cast<double>(whole_passes));
  recorder.Point("train/nll", updates_done, train.nll_sum / train_size);
  recorder.Point("test/nll", updates_done, test.nll_sum / test_size);
  recorder.Point("test/error", updates_done, static_cast<double>(test.errors) / test_size);
  return std::isfinite(train.nll_sum + test.nll_sum) ? StepResult::kContinue : StepResult::kDiverged;
}

std::vector<NamedTensor> MnistTraining::State() {
  return Tensors({store_.list_parameters(), store_.list_buffers(), optimizer_->slots()});
}

std::string RegistryName(v1::MnistDataset dataset) {
  return dataset == v1::MNIST_DATASET_FASHION_MNIST ? "fashion_mnist" : "mnist";
}

absl::Status CheckFit(const v1::MnistMlpConfig& config, const data::MnistData& data) {
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
                                                         data::MnistData data) {
  NORMLAB_RETURN_IF_ERROR(CheckFit(config, data));
  data.train.KeepFirst(config.train_images());
  data.test.KeepFirst(config.test_images());
  return std::make_unique<MnistTraining>(config, seed, std::move(data));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeMnistMlp(const v1::MnistMlpConfig& config, std::uint64_t seed,
                                                         const ExperimentContext& context) {
  const std::string name = RegistryName(config.dataset());
  const data::DatasetInfo* dataset = data::FindDataset(name);
  NORMLAB_ASSIGN_OR_RETURN(data::MnistData data, data::LoadMnist(*dataset, context.data_directories));
  if (context.facts != nullptr) {
    (*context.facts)["data." + name] = data.sha256;
  }
  return MakeMnistMlp(config, seed, std::move(data));
}

}  // namespace normlab
