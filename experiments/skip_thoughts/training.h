// training.h - one training run of skip-thoughts: batches of sentences of one length, updates, and the evaluations of Figure 3.
//
// Losses are in nats; words include ends of sentences. Recorded, at step = updates done when it was measured:
//   train/batch_loss       every update: the batch's loss, a sum over its words, before the update
//   train/gradient_norm    every update: of all gradients together, before it is clipped
//   train/nll              at an evaluation: loss a word since the last one
//   test/nll               at an evaluation: loss a word of the held-out sentences' neighbours
//   train/update           at an evaluation: updates done, for charts
//   train/epoch            at an evaluation: passes over the training sentences done, fractions included
//   transfer/...           at an evaluation that is transfer_interval's turn, and the last: see transfer.h
//
// Artifact, replaced at every evaluation: neighbours.txt, held-out sentences with those whose vectors are nearest.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/text/text_corpus.h"
#include "data/text/vocabulary.h"
#include "experiments/experiment.h"
#include "experiments/skip_thoughts/transfer.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

struct SkipThoughtsData {
  data::Vocabulary vocabulary;
  data::SentenceIds text;
  std::vector<std::uint32_t> train, test;  // sentences that have one before and one behind
  TransferData transfer;
};

// What the config makes of a text; without transfer sets. One chapter in twenty is held out, or book where there are so many; its
// words have no numbers of their own.
SkipThoughtsData MakeSkipThoughtsData(const v1::SkipThoughtsConfig& config, const data::TextCorpus& corpus);

// Loads the text that the config names, and what is there of the transfer sets; reports their hashes and sizes in context.facts.
// kNotFound: data is not there; the message says how to get it. kInvalidArgument: the config does not fit the data.
absl::StatusOr<std::unique_ptr<Experiment>> MakeSkipThoughts(const v1::SkipThoughtsConfig& config, std::uint64_t seed,
                                                             const ExperimentContext& context);

// The same on data that is at hand.
absl::StatusOr<std::unique_ptr<Experiment>> MakeSkipThoughts(const v1::SkipThoughtsConfig& config, std::uint64_t seed,
                                                             SkipThoughtsData data);

}  // namespace normlab
