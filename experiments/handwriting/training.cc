#include "experiments/handwriting/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "data/order.h"
#include "data/registry.h"
#include "experiments/engine.h"
#include "experiments/handwriting/batch.h"
#include "experiments/handwriting/config.h"
#include "experiments/handwriting/drawing.h"
#include "nn/ops/domain/mixture.h"
#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"

namespace normlab {
namespace {

// Lines evaluated at once: the weights are read once for all of them.
constexpr std::size_t kEvaluationBatch = 32;
constexpr std::string_view kSampleText = "layers that learn to write";

class HandwritingTraining final : public Experiment {
 public:
  HandwritingTraining(const v1::HandwritingConfig& config, std::uint64_t seed, data::HandwritingData data);

  std::uint64_t TotalSteps() const override { return static_cast<std::uint64_t>(config_.updates()); }
  StepResult Step(std::uint64_t step, Recorder& recorder) override;
  void Begin(Recorder& recorder) override;
  std::vector<NamedTensor> State() override;
  std::vector<NamedTensor> Weights() override;

 private:
  struct Measured {
    double nll = 0.0;    // nats, all lines together
    double steps = 0.0;  // points of those lines
    double lines = 0.0;
  };
  Measured MeasureTest();
  StepResult Evaluate(std::uint64_t updates_done, Recorder& recorder);
  bool EvaluationIsDue(std::uint64_t updates_done) const;

  v1::HandwritingConfig config_;
  std::uint64_t seed_;
  data::HandwritingData data_;
  data::BatchOrder order_;
  nn::ParameterStore store_;
  HandwritingNetwork network_;
  nn::Adam optimizer_;
  nn::Tape tape_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  PenBatchMemory batch_;
  // What turns offsets back into those of a pen: part of the model, for whoever writes with its weights.
  std::vector<float> pen_mean_, pen_deviation_;
  // Sums over the updates since the last evaluation: nll, points, lines. Floats, to be part of the state.
  std::vector<float> since_ = std::vector<float>(3, 0.0f);
};

HandwritingTraining::HandwritingTraining(const v1::HandwritingConfig& config, std::uint64_t seed,
                                         data::HandwritingData data)
    : config_(config),
      seed_(seed),
      data_(std::move(data)),
      order_(seed, static_cast<std::int64_t>(data_.train.size()), config.batch_size()),
      store_(seed),
      network_(nn::Scope(store_), ShapeOf(config)),
      optimizer_(store_, {.learning_rate = config.learning_rate(),
                          .beta1 = config.beta1(),
                          .beta2 = config.beta2(),
                          .eps = config.adam_eps(),
                          .bias_correction = config.adam_bias_correction()}),
      pen_mean_{static_cast<float>(data_.statistics.mean_x), static_cast<float>(data_.statistics.mean_y)},
      pen_deviation_{static_cast<float>(data_.statistics.std_x), static_cast<float>(data_.statistics.std_y)} {}

void HandwritingTraining::Begin(Recorder& recorder) {
  recorder.Point("data/nats_per_step", 0, std::log(data_.statistics.std_x * data_.statistics.std_y));
}

StepResult HandwritingTraining::Step(std::uint64_t step, Recorder& recorder) {
  const std::span<const std::uint32_t> lines = order_.Batch(step);
  batch_.Fill(data_.train, lines, static_cast<int>(network_.shape().alphabet));
  const auto count = static_cast<double>(lines.size());

  tape_.reset();
  const nn::Var y = network_.outputs(tape_, batch_.get(), nn::Mode::kTrain);
  const auto loss =
      nn::mixture_nll(y, batch_.targets(), batch_.mask(),
                      {.clip = config_.clip_outputs(), .weight = 1.0 / count, .limits = network_.shape().limits});
  recorder.Point("train/batch_nll", step, loss.loss.scalar());
  if (!std::isfinite(loss.loss.scalar())) {
    return StepResult::kDiverged;
  }
  tape_.backward(loss.loss);
  const double norm = nn::global_norm(store_);
  recorder.Point("train/gradient_norm", step, norm);
  if (!std::isfinite(norm)) {
    return StepResult::kDiverged;
  }
  optimizer_.step(step, config_.clip_norm() > 0.0 ? nn::clip_scale(norm, config_.clip_norm()) : 1.0);
  since_[0] += loss.loss.scalar() * static_cast<float>(count);
  since_[1] += static_cast<float>(batch_.real_steps());
  since_[2] += static_cast<float>(count);
  return EvaluationIsDue(step + 1) ? Evaluate(step + 1, recorder) : StepResult::kContinue;
}

bool HandwritingTraining::EvaluationIsDue(std::uint64_t updates_done) const {
  return updates_done % static_cast<std::uint64_t>(config_.evaluation_interval()) == 0 || updates_done == TotalSteps();
}

HandwritingTraining::Measured HandwritingTraining::MeasureTest() {
  std::vector<std::uint32_t> lines(data_.test.size());
  std::iota(lines.begin(), lines.end(), 0);
  Measured total;
  for (std::size_t begin = 0; begin < lines.size(); begin += kEvaluationBatch) {
    const auto some = std::span(lines).subspan(begin, std::min(kEvaluationBatch, lines.size() - begin));
    batch_.Fill(data_.test, some, static_cast<int>(network_.shape().alphabet));
    evaluation_tape_.reset();
    const nn::Var y = network_.outputs(evaluation_tape_, batch_.get(), nn::Mode::kEvaluate);
    const auto loss = nn::mixture_nll(y, batch_.targets(), batch_.mask(), {.limits = network_.shape().limits});
    total.nll = std::accumulate(loss.nll, loss.nll + y.cols(), total.nll);
    total.steps += static_cast<double>(batch_.real_steps());
    total.lines += static_cast<double>(some.size());
  }
  return total;
}

StepResult HandwritingTraining::Evaluate(std::uint64_t updates_done, Recorder& recorder) {
  const Measured test = MeasureTest();
  recorder.Point("train/update", updates_done, static_cast<double>(updates_done));
  recorder.Point("test/nll", updates_done, test.nll / test.lines);
  recorder.Point("test/nll_per_step", updates_done, test.nll / test.steps);
  const double train_nll = static_cast<double>(since_[0]) / static_cast<double>(since_[2]);
  recorder.Point("train/nll", updates_done, train_nll);
  recorder.Point("train/nll_per_step", updates_done, static_cast<double>(since_[0]) / static_cast<double>(since_[1]));
  recorder.Point("test/gap", updates_done, test.nll / test.lines - train_nll);
  const WrittenLine line =
      Write(network_, data::Encode(AlphabetOf(config_), kSampleText), {.bias = 0.5, .seed = seed_, .max_steps = 1000});
  recorder.Artifact("sample.svg", "image/svg+xml", updates_done, DrawSvg(line, kSampleText, data_.statistics));
  std::fill(since_.begin(), since_.end(), 0.0f);
  return std::isfinite(test.nll) ? StepResult::kContinue : StepResult::kDiverged;
}

std::vector<NamedTensor> HandwritingTraining::Weights() {
  std::vector<NamedTensor> weights = Tensors({store_.list_parameters()});
  weights.push_back({kPenMean, {2}, pen_mean_.data()});
  weights.push_back({kPenDeviation, {2}, pen_deviation_.data()});
  return weights;
}

std::vector<NamedTensor> HandwritingTraining::State() {
  std::vector<NamedTensor> state = Weights();
  const std::vector<NamedTensor> rest = Tensors({store_.list_buffers(), optimizer_.slots()});
  state.insert(state.end(), rest.begin(), rest.end());
  state.push_back({"train.since_evaluation", {3}, since_.data()});
  return state;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeHandwriting(const v1::HandwritingConfig& config, std::uint64_t seed,
                                                            data::HandwritingData data) {
  if (static_cast<std::size_t>(config.batch_size()) > data.train.size()) {
    return absl::InvalidArgumentError(
        fmt::format("handwriting.batch_size is {}; expected at most the {} training lines", config.batch_size(),
                    data.train.size()));
  }
  return std::make_unique<HandwritingTraining>(config, seed, std::move(data));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeHandwriting(const v1::HandwritingConfig& config, std::uint64_t seed,
                                                            const ExperimentContext& context) {
  const std::string name = HandwritingDatasetName(config.dataset());
  NORMLAB_ASSIGN_OR_RETURN(
      data::HandwritingData data,
      data::LoadHandwriting(*data::FindDataset(name), context.data_directories, DataOptions(config)));
  if (context.facts != nullptr) {
    std::map<std::string, std::string>& facts = *context.facts;
    facts["data." + name] = data.sha256;
    facts["data.train"] = fmt::format("{} lines of {} writers", data.train.size(), data.train_writers);
    facts["data.test"] = fmt::format("{} lines of {} writers", data.test.size(), data.test_writers);
    facts["data.deviation"] = fmt::format("{:.6g} x {:.6g}", data.statistics.std_x, data.statistics.std_y);
  }
  return MakeHandwriting(config, seed, std::move(data));
}

}  // namespace normlab
