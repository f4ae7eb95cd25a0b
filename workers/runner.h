// runner.h - drives one Experiment from its first or its checkpoint's step to its end.
//
// The runner is where an exception of nn or model code becomes a job's state: nowhere else is one caught. It knows no
// network, lease or server; whoever hosts it answers what to do before each step and takes what the run produces.
// Nothing the host answers, and no clock, changes a bit of the result.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "experiments/experiment.h"
#include "workers/checkpoint.h"

namespace normlab::workers {

// What the runner is to do before its next step, weakest first: of two orders the later one holds.
enum class Order {
  kGoOn,
  kYield,  // checkpoint and return: the run is continued elsewhere or later
  kStop,   // the same, but the user cancelled
  kDrop,   // return at once; nothing this run writes is wanted any more
};

// Owns the outside of a run. All methods are called from the runner's thread.
class RunHost {
 public:
  virtual ~RunHost() = default;
  // Asked before every step: must be cheap.
  virtual Order NextOrder() = 0;
  virtual void Progress(std::uint64_t steps_done, std::uint64_t steps_total) = 0;
  // May block while too much is waiting to be sent.
  virtual void Point(std::string_view series, std::uint64_t step, double value) = 0;
  // Takes a file, by calling `write` before it returns: the bytes are the run's own memory. An error, such as a full
  // disk, says that the file is lost.
  virtual absl::Status Artifact(std::string_view name, std::string_view media_type, std::uint64_t step,
                                const FileWriter& write) = 0;
  // False while the previous checkpoint is still on its way: the next one waits for a later step.
  virtual bool CanTakeCheckpoint() = 0;
  virtual absl::Status Checkpoint(std::uint64_t steps_done, const FileWriter& write) = 0;
};

enum class RunEnd { kSucceeded, kFailed, kDiverged, kCancelled, kYielded, kDropped };

struct RunResult {
  RunEnd end = RunEnd::kFailed;
  std::string error;        // kFailed, kDiverged
  std::string fingerprint;  // kSucceeded
  std::uint64_t steps_done = 0;
};

// An experiment with the label of the run it performs, which depends on the data it found.
struct PreparedRun {
  std::unique_ptr<Experiment> experiment;
  RunLabel label;
};

struct RunnerOptions {
  std::chrono::milliseconds checkpoint_interval{30'000};  // 0: after every step
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

inline constexpr char kWeightsArtifact[] = "weights.safetensors";

// Prepares the experiment, restores `checkpoint` if there is one (one that is damaged, or was computed by other code or on
// another instruction set, is logged and left: the run starts afresh), and steps to the end. A run that ends, stops or
// yields hands a last checkpoint to the host; one that succeeds also its weights, as artifact weights.safetensors. A
// checkpoint that the host cannot take is logged and left; a run whose artifact it cannot take fails.
RunResult RunExperiment(const std::function<absl::StatusOr<PreparedRun>()>& prepare,
                        std::shared_ptr<const ReadableFile> checkpoint, RunHost& host, const RunnerOptions& options);

}  // namespace normlab::workers
