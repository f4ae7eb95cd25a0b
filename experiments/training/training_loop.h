// training_loop.h - one training run: which examples an update sees, its step, its checks, and when is evaluated.
//
//   examples -> loss -> recorded, finite? -> gradients -> clipped, finite? -> optimizer -> evaluation, if one is due
//
// Recorded at step = number of the update: the plan's loss series, before the update, and train/gradient_norm, before
// clipping. What an evaluation records is the task's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "data/order.h"
#include "experiments/experiment.h"
#include "experiments/training/task.h"
#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

struct TrainingPlan {
  std::uint64_t seed = 1;
  // Of the whole run; one of the two.
  std::uint64_t passes = 0;
  std::uint64_t updates = 0;
  std::uint64_t evaluation_interval = 0;  // updates; 0: a pass. The last update is always followed by one
  bool evaluate_before = false;           // before the first update too
  std::string loss_series = "train/batch_nll";
  bool record_gradient_norm = false;
  // The tensor that holds the running mean in a checkpoint; empty: the task needs none.
  std::string running_mean = {};
  bool running_units = false;
};

class TrainingLoop final : public Experiment {
 public:
  // The task's model is complete; its examples are those of `order`.
  TrainingLoop(const TrainingPlan& plan, const v1::OptimizerConfig& optimization,
               std::unique_ptr<data::BatchOrder> order, std::unique_ptr<Task> task);

  std::uint64_t TotalSteps() const override { return updates_; }
  void Begin(Recorder& recorder) override;
  StepResult Step(std::uint64_t step, Recorder& recorder) override;
  std::vector<NamedTensor> State() override;
  std::vector<NamedTensor> Weights() override;

 private:
  bool EvaluationFollows(std::uint64_t updates_done) const;
  StepResult Evaluate(std::uint64_t updates_done, Recorder& recorder);

  const TrainingPlan plan_;
  std::unique_ptr<data::BatchOrder> order_;
  const std::uint64_t updates_;
  const std::uint64_t evaluation_interval_;
  std::unique_ptr<Task> task_;
  nn::ClipSpec clip_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  nn::Tape tape_;
  RunningMean running_mean_;
};

}  // namespace normlab
