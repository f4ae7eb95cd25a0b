// task.h - what the paper says of one experiment that trains: a batch's loss, and what is measured. The rest, from the
// order of the batches to the optimizer's step, is the training loop's, training_loop.h.
//
// Threads: one. Errors: nn::Error for shapes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "experiments/experiment.h"
#include "nn/parameter.h"
#include "nn/step.h"
#include "nn/tape.h"

namespace normlab {

// The loss of a batch, and what it counts in the mean over the updates since the last evaluation.
struct BatchLoss {
  nn::Var loss;         // 1 x 1
  float weight = 1.0f;  // what the loss is the mean of: lines of a batch, or 1 for a mean over updates
  float units = 0.0f;   // parts of those, for means of another unit: points of the lines
};

// Sums of train losses over the updates since the last evaluation. Floats, to be part of the run's state.
class RunningMean {
 public:
  explicit RunningMean(bool with_units = false) : sums_(with_units ? 3 : 2, 0.0f) {}

  void Add(const BatchLoss& batch, float loss) {
    sums_.front() += loss * batch.weight;
    sums_[1] += sums_.size() == 3 ? batch.units : 0.0f;
    sums_.back() += batch.weight;
  }
  void Clear() { sums_.assign(sums_.size(), 0.0f); }

  float loss() const { return sums_.front(); }  // of losses times weights
  float units() const { return sums_[1]; }
  float weight() const { return sums_.back(); }
  std::vector<float>& sums() { return sums_; }

 private:
  std::vector<float> sums_;  // loss, units if any, weight
};

// When an evaluation is made.
struct Evaluation {
  std::uint64_t updates = 0;  // done
  std::uint64_t updates_per_pass = 1;
  const RunningMean& train;  // since the last one

  double passes() const { return static_cast<double>(updates) / static_cast<double>(updates_per_pass); }
};

class Task {
 public:
  virtual ~Task() = default;

  // All parameters and buffers of the model, complete. Lives as long as the task.
  virtual nn::ParameterStore& Parameters() = 0;

  // Before the first update of a run that starts afresh.
  virtual void Begin(Recorder&) {}

  // The loss of the batch that these examples make, for the update that step.key names. The tape has been reset.
  virtual BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) = 0;

  // Records what is measured at that moment. kDiverged if a loss is not finite; it has been recorded.
  virtual StepResult Evaluate(const Evaluation& moment, Recorder& recorder) = 0;

  // What a published model holds beside its parameters: constants that its user needs.
  virtual std::vector<NamedTensor> Constants() { return {}; }
};

}  // namespace normlab
