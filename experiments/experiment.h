// experiment.h - what the worker needs of an experiment of the paper: make it, step it, save it.
//
// An Experiment is one training run: model, optimiser, data order and evaluation. It knows no files, threads, clocks or
// network. Everything random is keyed by (seed, purpose, step), so its whole state is the tensors it lists and the
// number of updates done: restoring them at step s and going on gives the bits of an uninterrupted run.
//
// Thread safety: none; one thread drives it. Inside, operations use base/parallel.h and give the same bits for any
// number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

// Takes what an experiment measures. `series` is "split/quantity" ("train/nll", "test/error"); steps rise within a
// series. Names and media types are those of proto/names.h.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void Point(std::string_view series, std::uint64_t step, double value) = 0;
  // A file that belongs to the run (a picture, samples); replaces an earlier one of the same name.
  virtual void Artifact(std::string_view name, std::string_view media_type, std::uint64_t step, std::string bytes) = 0;
};

// One piece of state by name: contiguous float values of the experiment's own memory, to be read or overwritten.
struct NamedTensor {
  std::string name;                 // "hidden1.weight", "adam.m.hidden1.weight"
  std::vector<std::int64_t> shape;  // in the order safetensors wants (row-major)
  float* data;                      // borrowed; lives as long as the experiment
};

enum class StepResult { kContinue, kDiverged };

class Experiment {
 public:
  virtual ~Experiment() = default;

  // Updates of the whole run.
  virtual std::uint64_t TotalSteps() const = 0;

  // Performs update number `step` (0-based), and the evaluations that fall due after it. kDiverged: the loss became NaN
  // or infinite; the point that shows it has been recorded. Shape and contract errors throw, see nn/error.h.
  virtual StepResult Step(std::uint64_t step, Recorder& recorder) = 0;

  // Called once before the first Step of a run that starts afresh: what is measured before any update.
  virtual void Begin(Recorder& recorder) { (void)recorder; }

  // Everything that changes while training: parameters, buffers, optimiser slots. In a fixed order.
  virtual std::vector<NamedTensor> State() = 0;

  // The parameters alone, what a published model would hold. Names are a subset of State()'s.
  virtual std::vector<NamedTensor> Weights() = 0;

  // Called after State() was overwritten from a checkpoint taken after `steps_done` updates.
  virtual void Restored(std::uint64_t steps_done) { (void)steps_done; }
};

// What an experiment is made from.
struct ExperimentContext {
  std::vector<std::string> data_directories;  // searched in order, see base/paths.h
  std::map<std::string, std::string>* facts;  // filled with what the run was fed: "data.mnist" -> sha256
};

// Makes the experiment a resolved spec asks for. kNotFound when its data is missing: the message says how to get it.
// kInvalidArgument for a spec that does not fit the data.
absl::StatusOr<std::unique_ptr<Experiment>> MakeExperiment(const v1::JobSpec& resolved,
                                                           const ExperimentContext& context);

// SHA-256 of what a resolved spec is fed on this machine, if it is an import that nothing pins; else empty. kNotFound as
// MakeExperiment.
absl::StatusOr<std::string> ImportedDataSha256(const v1::JobSpec& resolved,
                                               const std::vector<std::string>& data_directories);

}  // namespace normlab
