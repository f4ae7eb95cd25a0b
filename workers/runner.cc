#include "workers/runner.h"

#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/log.h"

namespace normlab::workers {
namespace {

// Hashes every point on its way to the host, and remembers the last one that is not finite.
class HashingRecorder : public Recorder {
 public:
  explicit HashingRecorder(RunHost& host) : host_(host) {}

  void Point(std::string_view series, std::uint64_t step, double value) override {
    curve_.Add(series, step, value);
    if (!std::isfinite(value)) {
      not_finite_ = fmt::format("{} became {} at step {}", series, value, step);
    }
    host_.Point(series, step, value);
  }
  void Artifact(std::string_view name, std::string_view media_type, std::uint64_t step, std::string bytes) override {
    const absl::Status taken =
        host_.Artifact(name, media_type, step, [&bytes](const ByteSink& sink) { return sink(bytes); });
    if (!taken.ok()) {
      throw std::runtime_error(fmt::format("{}: {}", name, Message(taken)));
    }
  }

  void Resume(CurveChains curve) { curve_ = std::move(curve); }
  const CurveChains& curve() const { return curve_; }
  const std::string& not_finite() const { return not_finite_; }

 private:
  RunHost& host_;
  CurveChains curve_;
  std::string not_finite_;
};

class Runner {
 public:
  // Counts updates in `steps_done`, which outlives an exception.
  Runner(PreparedRun run, RunHost& host, const RunnerOptions& options, std::uint64_t& steps_done)
      : experiment_(std::move(run.experiment)),
        label_(std::move(run.label)),
        host_(host),
        options_(options),
        recorder_(host),
        checkpointed_(options.now()),
        steps_done_(steps_done) {}

  absl::Status Start(const ReadableFile* checkpoint) {
    if (checkpoint != nullptr) {
      auto resumed = RestoreCheckpoint(*checkpoint, label_, *experiment_);
      if (resumed.ok()) {
        steps_done_ = resumed->steps_done;
        recorder_.Resume(std::move(resumed->curve));
        return absl::OkStatus();
      }
      if (!absl::IsDataLoss(resumed.status()) && !absl::IsAborted(resumed.status())) {
        return resumed.status();
      }
      Log(LogLevel::kWarning, "checkpoint_not_usable", {{"why", Message(resumed.status())}, {"next", "starts afresh"}});
    }
    experiment_->Begin(recorder_);
    return absl::OkStatus();
  }

  RunResult Steps() {
    const std::uint64_t total = experiment_->TotalSteps();
    host_.Progress(steps_done_, total);
    while (steps_done_ < total) {
      if (const Order order = host_.NextOrder(); order != Order::kGoOn) {
        return Interrupted(order);
      }
      const StepResult result = experiment_->Step(steps_done_, recorder_);
      host_.Progress(++steps_done_, total);
      if (result == StepResult::kDiverged) {
        const std::string& seen = recorder_.not_finite();
        return End(RunEnd::kDiverged,
                   seen.empty() ? fmt::format("the loss is not finite after {} steps", steps_done_) : seen);
      }
      if (steps_done_ < total && options_.now() - checkpointed_ >= options_.checkpoint_interval &&
          host_.CanTakeCheckpoint()) {
        Checkpoint();
      }
    }
    return Finished();
  }

 private:
  RunResult Interrupted(Order order) {
    if (order == Order::kDrop) {
      return End(RunEnd::kDropped);
    }
    Checkpoint();
    return End(order == Order::kStop ? RunEnd::kCancelled : RunEnd::kYielded);
  }

  RunResult Finished() {
    Checkpoint();
    const absl::Status taken =
        host_.Artifact(kWeightsArtifact, "application/octet-stream", steps_done_,
                       [this](const ByteSink& sink) { return WriteWeights(label_, steps_done_, *experiment_, sink); });
    if (!taken.ok()) {
      return End(RunEnd::kFailed, fmt::format("the weights could not be kept: {}", Message(taken)));
    }
    RunResult result = End(RunEnd::kSucceeded);
    result.fingerprint = Fingerprint(experiment_->Weights(), recorder_.curve());
    return result;
  }

  RunResult End(RunEnd end, std::string error = "") const {
    return {.end = end, .error = std::move(error), .fingerprint = "", .steps_done = steps_done_};
  }

  void Checkpoint() {
    const absl::Status taken = host_.Checkpoint(steps_done_, [this](const ByteSink& sink) {
      return WriteCheckpoint(label_, steps_done_, recorder_.curve(), *experiment_, sink);
    });
    if (!taken.ok()) {
      Log(LogLevel::kWarning, "checkpoint_not_kept", {{"step", steps_done_}, {"why", Message(taken)}});
    }
    checkpointed_ = options_.now();
  }

  const std::unique_ptr<Experiment> experiment_;
  const RunLabel label_;
  RunHost& host_;
  const RunnerOptions& options_;
  HashingRecorder recorder_;
  std::chrono::steady_clock::time_point checkpointed_;
  std::uint64_t& steps_done_;
};

}  // namespace

RunResult RunExperiment(const std::function<absl::StatusOr<PreparedRun>()>& prepare,
                        std::shared_ptr<const ReadableFile> checkpoint, RunHost& host, const RunnerOptions& options) {
  RunResult failed;
  try {
    auto prepared = prepare();
    if (!prepared.ok()) {
      failed.error = Message(prepared.status());
      return failed;
    }
    Runner runner(std::move(*prepared), host, options, failed.steps_done);
    if (const absl::Status started = runner.Start(checkpoint.get()); !started.ok()) {
      failed.error = Message(started);
      return failed;
    }
    checkpoint.reset();  // as large as the model: its disk is free while training
    return runner.Steps();
  } catch (const std::bad_alloc&) {
    failed.error = fmt::format(
        "out of memory after {} steps: the job needs more than this machine gives; make it smaller (fewer units, a "
        "smaller batch) or run fewer jobs at a time (normlabd --slots)",
        failed.steps_done);
    return failed;
  } catch (const std::exception& error) {
    failed.error = error.what();
    return failed;
  }
}

}  // namespace normlab::workers
