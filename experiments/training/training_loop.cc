#include "experiments/training/training_loop.h"

#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "experiments/engine.h"
#include "experiments/training/optimization.h"

namespace normlab {

TrainingLoop::TrainingLoop(const TrainingPlan& plan, const v1::OptimizerConfig& optimization,
                           std::unique_ptr<data::BatchOrder> order, std::unique_ptr<Task> task)
    : plan_(plan),
      order_(std::move(order)),
      updates_(plan.updates != 0 ? plan.updates : plan.passes * order_->UpdatesPerPass()),
      evaluation_interval_(plan.evaluation_interval != 0 ? plan.evaluation_interval : order_->UpdatesPerPass()),
      task_(std::move(task)),
      clip_(ClipOf(optimization)),
      optimizer_(
          nn::make_optimizer(task_->Parameters(), OptimizerOf(optimization), ScheduleOf(optimization, updates_))),
      running_mean_(plan.running_units) {}

void TrainingLoop::Begin(Recorder& recorder) {
  task_->Begin(recorder);
  if (plan_.evaluate_before) {
    Evaluate(0, recorder);
  }
}

StepResult TrainingLoop::Step(std::uint64_t step, Recorder& recorder) {
  const std::span<const std::uint32_t> examples = order_->Batch(step);
  tape_.reset();
  const BatchLoss batch = task_->Loss(tape_, examples, {.key = {.seed = plan_.seed, .update = step}});
  const float loss = batch.loss.scalar();
  recorder.Point(plan_.loss_series, step, loss);
  if (!std::isfinite(loss)) {
    return StepResult::kDiverged;
  }
  running_mean_.Add(batch, loss);
  tape_.backward(batch.loss);
  const auto gradients = nn::clip_gradients(
      task_->Parameters(), clip_, plan_.record_gradient_norm ? nn::GradientNorm::kAlways : nn::GradientNorm::kIfNeeded);
  if (plan_.record_gradient_norm) {
    recorder.Point("train/gradient_norm", step, *gradients.norm);
  }
  if (!std::isfinite(gradients.norm.value_or(0.0))) {
    return StepResult::kDiverged;
  }
  optimizer_->step(step, gradients.scale);
  return EvaluationFollows(step + 1) ? Evaluate(step + 1, recorder) : StepResult::kContinue;
}

bool TrainingLoop::EvaluationFollows(std::uint64_t updates_done) const {
  return updates_done % evaluation_interval_ == 0 || updates_done == updates_;
}

StepResult TrainingLoop::Evaluate(std::uint64_t updates_done, Recorder& recorder) {
  const StepResult result = task_->Evaluate(
      {.updates = updates_done, .updates_per_pass = order_->UpdatesPerPass(), .train = running_mean_}, recorder);
  running_mean_.Clear();
  return result;
}

std::vector<NamedTensor> TrainingLoop::Weights() {
  std::vector<NamedTensor> weights = Tensors({task_->Parameters().list_parameters()});
  const std::vector<NamedTensor> constants = task_->Constants();
  weights.insert(weights.end(), constants.begin(), constants.end());
  return weights;
}

std::vector<NamedTensor> TrainingLoop::State() {
  std::vector<NamedTensor> state = Weights();
  const std::vector<NamedTensor> rest = Tensors({task_->Parameters().list_buffers(), optimizer_->slots()});
  state.insert(state.end(), rest.begin(), rest.end());
  if (!plan_.running_mean.empty()) {
    std::vector<float>& sums = running_mean_.sums();
    state.push_back({plan_.running_mean, {static_cast<std::int64_t>(sums.size())}, sums.data()});
  }
  return state;
}

}  // namespace normlab
