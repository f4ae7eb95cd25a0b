// order_embedding_training.h - one training run of an order embedding of images and captions [LN sec 6.1].
//
// Recorded, at step = updates done when it was measured:
//   train/batch_loss        every update: the loss of its batch, a sum over its pairs, before the update
//   train/update, train/loss
//                           at an evaluation: updates done; mean of train/batch_loss over the updates since the last one
//   valid/image_r1, _r5, _r10, _rank
//                           of the image of each caption among all validation images: shares of captions for which it is the
//                           first, among the first five, ten; mean rank, from 1 (retrieval.h)
//   valid/caption_...       of the captions of each image likewise
//   valid/recall_sum        image_r1 + image_r5 + image_r10, by which the model is chosen
//   valid/penalty           mean penalty of the right pairs
//   test/image_..., test/caption_...
//                           after the last update: of the chosen model, means over the test folds
//
// The weights with the highest valid/recall_sum, the first of equal ones, are kept as "best.NAME" beside the last ones.
//
// Artifacts, of the chosen model: retrieved.txt and, where the images are at hand, retrieved.png: what it finds for a few
// validation captions (retrieved.h).
#pragma once

#include <cstdint>
#include <memory>

#include "experiments/experiment.h"
#include "experiments/order_embedding/pairs.h"

namespace normlab {

// Loads the data set the config names. Errors as LoadPairs.
absl::StatusOr<std::unique_ptr<Experiment>> MakeOrderEmbedding(const v1::OrderEmbeddingConfig& config,
                                                               std::uint64_t seed, const ExperimentContext& context);

// The same on data that is at hand and is all used.
absl::StatusOr<std::unique_ptr<Experiment>> MakeOrderEmbedding(const v1::OrderEmbeddingConfig& config,
                                                               std::uint64_t seed, PairData data);

}  // namespace normlab
