// training.h - one training run of the handwriting network: batches, clipped Adam updates, the evaluations of Figure 5.
//
// NLLs are in nats with offsets of mean 0 and deviation 1 over the training set. Recorded, at step = updates done:
//   train/batch_nll           every update: mean NLL of a line of its batch, before the update
//   train/gradient_norm       every update: of all gradients together, before it is clipped
//   train/nll                 at an evaluation: mean of train/batch_nll since the last one
//   train/nll_per_step        the same divided by the points of those lines
//   test/nll                  at an evaluation: mean NLL of a test line, first max_steps points
//   test/nll_per_step         the same divided by the points
//   test/gap                  at an evaluation: test/nll - train/nll
//   train/update              at an evaluation: updates done, for charts
//   data/nats_per_step        once: ln(std x * std y). An NLL per step in the units before standardisation is larger by
//                             this much
//
// Artifact, replaced at every evaluation: sample.svg, a line written by the network.
#pragma once

#include <cstdint>
#include <memory>

#include "data/handwriting/handwriting.h"
#include "experiments/experiment.h"

namespace normlab {

// Loads the data set the config names and reports in context.facts its hash as "data.<name>", its lines, writers and
// deviations. kNotFound: the data is not there; the message says how to get it.
absl::StatusOr<std::unique_ptr<Experiment>> MakeHandwriting(const v1::HandwritingConfig& config, std::uint64_t seed,
                                                            const ExperimentContext& context);

// The same on data that is at hand.
absl::StatusOr<std::unique_ptr<Experiment>> MakeHandwriting(const v1::HandwritingConfig& config, std::uint64_t seed,
                                                            data::HandwritingData data);

}  // namespace normlab
