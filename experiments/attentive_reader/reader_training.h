// reader_training.h - one training run of an attentive reader, and its evaluations [LN sec 6.2].
//
// Recorded, at step = updates done when it was measured:
//   train/batch_nll           every update: mean of -log(p + 1e-8) over its batch, before the update [nats]
//   train/update              at an evaluation: updates done, for charts
//   train/nll                 at an evaluation: mean of train/batch_nll over the updates since the last one
//   valid/nll, valid/error    at an evaluation: over the validation questions; error as a share, 0 to 1, of those for which some
//                             other word of all is more probable than the answer
//   test/nll, test/error      the same over the test questions, if there are any
//   train/answerable, valid/answerable    once: share of the questions whose answer is in their passage as it is read
//
// Artifact, replaced at every evaluation: attention.svg, the first validation questions and what the reader looks at.
#pragma once

#include <cstdint>
#include <memory>

#include "data/cloze/cloze.h"
#include "experiments/experiment.h"

namespace normlab {

// Loads the data set the config names and reports in context.facts its hash as "data.<name>", its questions and words.
// kNotFound: the data is not there; the message says how to get it. kInvalidArgument: the config does not fit the data.
absl::StatusOr<std::unique_ptr<Experiment>> MakeAttentiveReader(const v1::AttentiveReaderConfig& config,
                                                                std::uint64_t seed, const ExperimentContext& context);

// The same on data that is at hand.
absl::StatusOr<std::unique_ptr<Experiment>> MakeAttentiveReader(const v1::AttentiveReaderConfig& config,
                                                                std::uint64_t seed, data::ClozeData data);

data::ClozeOptions ClozeOptionsOf(const v1::AttentiveReaderConfig& config);

}  // namespace normlab
