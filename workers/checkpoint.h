// checkpoint.h - a run at rest: all that is needed to go on with the same bits, as one safetensors file.
//
// Tensors are Experiment::State(); beside them, in the file's metadata, stand what they belong to and the curve's
// chains. The bytes do not depend on when or why a checkpoint is taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "proto/spec.h"
#include "workers/fingerprint.h"
#include "workers/safetensors.h"

namespace normlab::workers {

// Code and machine, as far as bits depend on them.
struct ComputedBy {
  Revisions revisions;
  std::string arithmetic;  // of nn/cpu.h

  bool operator==(const ComputedBy&) const = default;
};
// "numerics revision 1, model revision 1, AVX3/libm.5c1f09ab".
std::string Shown(const ComputedBy& by);

// Which run a checkpoint belongs to. One with another label is never resumed from.
struct RunLabel {
  std::string experiment;  // "mnist_mlp"
  std::string identity;    // hash of the resolved spec, its data and the revisions
  std::uint64_t seed = 0;
  ComputedBy computed_by;

  bool operator==(const RunLabel&) const = default;
};

absl::Status WriteCheckpoint(const RunLabel& label, std::uint64_t steps_done, const CurveChains& curve,
                             Experiment& experiment, const ByteSink& sink);

// The final parameters alone, for other programs to read.
absl::Status WriteWeights(const RunLabel& label, std::uint64_t steps_done, Experiment& experiment,
                          const ByteSink& sink);

struct Resumed {
  std::uint64_t steps_done = 0;
  CurveChains curve;
};

// The chains alone, of a checkpoint of any run. kDataLoss for a damaged file.
absl::StatusOr<CurveChains> CheckpointedCurve(const ReadableFile& file);

// Overwrites the experiment's state and calls Restored. kDataLoss for a damaged file, kAborted for one that was computed by
// another revision or on another instruction set, whose bits cannot be continued here, kFailedPrecondition for one that
// belongs to another run; in these cases the experiment is as it was. Any other error: it is not to be used any more.
absl::StatusOr<Resumed> RestoreCheckpoint(const ReadableFile& file, const RunLabel& label, Experiment& experiment);

}  // namespace normlab::workers
