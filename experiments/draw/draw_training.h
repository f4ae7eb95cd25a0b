// draw_training.h - one training run of DRAW: batches, clipped Adam updates, and the evaluations of Figure 4
// [LN sec 6.4].
//
// Recorded, at step = updates done when it was measured; bounds are negative variational bounds in nats per image, one
// sample of the latent values an image:
//   train/batch_bound     every update: of its batch, before the update
//   train/gradient_norm   every update: of all gradients together, before it is clipped
//   train/bound           at an evaluation: mean of train/batch_bound over the updates since the last one
//   test/bound            at an evaluation: over all test images, with fresh noise
//   test/nll, test/kl     the two parts of test/bound
//   train/epoch           at an evaluation: passes over the training images done, fractions included
//
// Artifacts, replaced at every evaluation: samples.png (images from the prior), reconstructions.png (test images above
// their reconstructions) and glimpses.png (how test images are drawn, with the write window).
#pragma once

#include <cstdint>
#include <memory>

#include "data/binarized_mnist.h"
#include "experiments/experiment.h"

namespace normlab {

// Loads the data set the config names, verified, and reports its hash in context.facts as "data.<name>".
// kNotFound: the data is not there; the message says how to get it. kInvalidArgument: the config does not fit the data.
absl::StatusOr<std::unique_ptr<Experiment>> MakeDraw(const v1::DrawConfig& config, std::uint64_t seed,
                                                     const ExperimentContext& context);

// The same on data that is at hand: square images.
absl::StatusOr<std::unique_ptr<Experiment>> MakeDraw(const v1::DrawConfig& config, std::uint64_t seed,
                                                     data::BinarizedMnistData data);

}  // namespace normlab
