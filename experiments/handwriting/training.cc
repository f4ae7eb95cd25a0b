#include "experiments/handwriting/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "data/registry.h"
#include "experiments/handwriting/batch.h"
#include "experiments/handwriting/config.h"
#include "experiments/handwriting/drawing.h"
#include "experiments/training/training_loop.h"
#include "nn/ops/domain/mixture.h"
#include "proto/spec.h"

namespace normlab {
namespace {

// Lines evaluated at once: the weights are read once for all of them.
constexpr std::size_t kEvaluationBatch = 32;
constexpr std::string_view kSampleText = "layers that learn to write";

class HandwritingTask final : public Task {
 public:
  HandwritingTask(const v1::HandwritingConfig& config, std::uint64_t seed, data::HandwritingData data);

  nn::ParameterStore& Parameters() override { return store_; }
  void Begin(Recorder& recorder) override;
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> lines, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;
  std::vector<NamedTensor> Constants() override;

 private:
  struct Measured {
    double nll = 0.0;    // nats, all lines together
    double steps = 0.0;  // points of those lines
    double lines = 0.0;
  };
  Measured MeasureTest();

  v1::HandwritingConfig config_;
  std::uint64_t seed_;
  data::HandwritingData data_;
  nn::ParameterStore store_;
  HandwritingNetwork network_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  PenBatchMemory batch_;
  // What turns offsets back into those of a pen: part of the model, for whoever writes with its weights.
  std::vector<float> pen_mean_, pen_deviation_;
};

HandwritingTask::HandwritingTask(const v1::HandwritingConfig& config, std::uint64_t seed, data::HandwritingData data)
    : config_(config),
      seed_(seed),
      data_(std::move(data)),
      store_(seed),
      network_(nn::Scope(store_), ShapeOf(config)),
      pen_mean_{static_cast<float>(data_.statistics.mean_x), static_cast<float>(data_.statistics.mean_y)},
      pen_deviation_{static_cast<float>(data_.statistics.std_x), static_cast<float>(data_.statistics.std_y)} {}

void HandwritingTask::Begin(Recorder& recorder) {
  recorder.Point("data/nats_per_step", 0, std::log(data_.statistics.std_x * data_.statistics.std_y));
}

BatchLoss HandwritingTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> lines, const nn::Step& step) {
  batch_.Fill(data_.train, lines, static_cast<int>(network_.shape().alphabet));
  const auto count = static_cast<double>(lines.size());
  const nn::Var y = network_.outputs(tape, batch_.get(), step.mode);
  const auto loss =
      nn::mixture_nll(y, batch_.targets(), batch_.mask(),
                      {.clip = config_.clip_outputs(), .weight = 1.0 / count, .limits = network_.shape().limits});
  return {.loss = loss.loss, .weight = static_cast<float>(count), .units = static_cast<float>(batch_.real_steps())};
}

HandwritingTask::Measured HandwritingTask::MeasureTest() {
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

StepResult HandwritingTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  const Measured test = MeasureTest();
  const auto train = static_cast<double>(moment.train.loss());
  const double train_nll = train / static_cast<double>(moment.train.weight());
  recorder.Point("train/update", moment.updates, static_cast<double>(moment.updates));
  recorder.Point("test/nll", moment.updates, test.nll / test.lines);
  recorder.Point("test/nll_per_step", moment.updates, test.nll / test.steps);
  recorder.Point("train/nll", moment.updates, train_nll);
  recorder.Point("train/nll_per_step", moment.updates, train / static_cast<double>(moment.train.units()));
  recorder.Point("test/gap", moment.updates, test.nll / test.lines - train_nll);
  const WrittenLine line =
      Write(network_, data::Encode(AlphabetOf(config_), kSampleText), {.bias = 0.5, .seed = seed_, .max_steps = 1000});
  recorder.Artifact("sample.svg", "image/svg+xml", moment.updates, DrawSvg(line, kSampleText, data_.statistics));
  return std::isfinite(test.nll) ? StepResult::kContinue : StepResult::kDiverged;
}

std::vector<NamedTensor> HandwritingTask::Constants() {
  return {{kPenMean, {2}, pen_mean_.data()}, {kPenDeviation, {2}, pen_deviation_.data()}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeHandwriting(const v1::HandwritingConfig& config, std::uint64_t seed,
                                                            data::HandwritingData data) {
  if (static_cast<std::size_t>(config.batch_size()) > data.train.size()) {
    return absl::InvalidArgumentError(
        fmt::format("handwriting.batch_size is {}; expected at most the {} training lines", config.batch_size(),
                    data.train.size()));
  }
  const TrainingPlan plan{.seed = seed,
                          .updates = static_cast<std::uint64_t>(config.updates()),
                          .evaluation_interval = static_cast<std::uint64_t>(config.evaluation_interval()),
                          .record_gradient_norm = true,
                          .running_mean = "train.since_evaluation",
                          .running_units = true};
  auto order =
      std::make_unique<data::ShuffledOrder>(seed, static_cast<std::int64_t>(data.train.size()), config.batch_size());
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<HandwritingTask>(config, seed, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeHandwriting(const v1::HandwritingConfig& config, std::uint64_t seed,
                                                            const ExperimentContext& context) {
  const std::string name = ConfigDatasetName(config);
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
