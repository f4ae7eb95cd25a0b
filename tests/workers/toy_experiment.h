// toy_experiment.h - a deterministic Experiment of a few floats, and a host that keeps what a run produces.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "experiments/experiment.h"
#include "workers/runner.h"

namespace normlab::workers {

struct ToyOptions {
  std::uint64_t steps = 20;
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> diverges_at = {};
  std::optional<std::uint64_t> throws_at = {};
  std::string error = "linear2: shapes [3 x 4] and [5 x 6] do not fit";  // what is thrown
  std::function<void(std::uint64_t step)> before_step = [](std::uint64_t) {};
};

// Seven weights with a momentum each; a loss per step, an error every fifth.
class ToyExperiment : public Experiment {
 public:
  explicit ToyExperiment(ToyOptions options) : options_(options) {}

  std::uint64_t TotalSteps() const override { return options_.steps; }
  void Begin(Recorder& recorder) override { recorder.Point("test/error", 0, 100.0); }

  StepResult Step(std::uint64_t step, Recorder& recorder) override {
    options_.before_step(step);
    if (options_.throws_at == step) {
      throw std::runtime_error(options_.error);
    }
    Rng noise(options_.seed, "toy", step);
    double loss = 0;
    for (std::size_t i = 0; i < 7; ++i) {
      momentum_[i] = 0.9F * momentum_[i] + static_cast<float>(noise.Normal());
      weight_[i] += 0.1F * momentum_[i];
      loss += weight_[i];
    }
    const bool diverges = options_.diverges_at == step;
    recorder.Point("train/loss", step + 1, diverges ? std::nan("") : loss);
    if ((step + 1) % 5 == 0) {
      recorder.Point("test/error", step + 1, weight_[0]);
    }
    return diverges ? StepResult::kDiverged : StepResult::kContinue;
  }

  std::vector<NamedTensor> State() override {
    return {{"linear.weight", {2, 3}, weight_}, {"linear.bias", {}, weight_ + 6}, {"momentum", {7}, momentum_}};
  }
  std::vector<NamedTensor> Weights() override {
    return {{"linear.weight", {2, 3}, weight_}, {"linear.bias", {}, weight_ + 6}};
  }

 private:
  const ToyOptions options_;
  float weight_[7] = {};
  float momentum_[7] = {};
};

inline RunLabel ToyLabel() {
  return {.experiment = "toy", .identity = "ab12", .seed = 1, .computed_by = {{1, 1}, "AVX3/libm.1"}};
}

inline auto PrepareToy(ToyOptions options) {
  return [options]() -> absl::StatusOr<PreparedRun> {
    return PreparedRun{std::make_unique<ToyExperiment>(options), ToyLabel()};
  };
}

// Keeps everything; gives `order` from step `order_at` on.
class KeepingHost : public RunHost {
 public:
  Order NextOrder() override { return steps_done >= order_at ? order : Order::kGoOn; }
  void Progress(std::uint64_t done, std::uint64_t) override { steps_done = done; }
  void Point(std::string_view series, std::uint64_t step, double value) override {
    points[{std::string(series), step}] = value;
  }
  absl::Status Artifact(std::string_view name, std::string_view, std::uint64_t, const FileWriter& write) override {
    return artifact_loss.ok() ? Keep(write, artifacts[std::string(name)]) : artifact_loss;
  }
  bool CanTakeCheckpoint() override { return can_take; }
  absl::Status Checkpoint(std::uint64_t done, const FileWriter& write) override {
    return checkpoint_loss.ok() ? Keep(write, checkpoints[done]) : checkpoint_loss;
  }

  Order order = Order::kGoOn;
  std::uint64_t order_at = std::numeric_limits<std::uint64_t>::max();
  bool can_take = true;
  absl::Status artifact_loss, checkpoint_loss;  // what the host answers instead of taking a file
  std::uint64_t steps_done = 0;
  std::map<std::pair<std::string, std::uint64_t>, double> points;
  std::map<std::string, std::string> artifacts;
  std::map<std::uint64_t, std::string> checkpoints;

 private:
  static absl::Status Keep(const FileWriter& write, std::string& bytes) {
    bytes.clear();
    return write([&bytes](std::string_view piece) {
      bytes += piece;
      return absl::OkStatus();
    });
  }
};

// What `write` writes.
inline std::string Written(const FileWriter& write) {
  std::string bytes;
  EXPECT_TRUE(write([&bytes](std::string_view piece) {
                bytes += piece;
                return absl::OkStatus();
              }).ok());
  return bytes;
}

}  // namespace normlab::workers
