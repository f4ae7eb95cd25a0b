// convnet_training.h - one training run of a convolutional network, and what its units at the border do [LN sec 6.7].
//
// Recorded, at step = updates done when it was measured:
//   train/batch_nll         every update: mean negative log likelihood of its batch, before the update [nats]
//   train/nll               at an evaluation: mean of train/batch_nll over the updates since the last one
//   test/nll, test/error    at an evaluation: over the test images; error as a share, 0 to 1
//   train/epoch             at an evaluation: passes over the training images done, fractions included
// and of the units of the first convolution after its non-linearity, over the first test images (position_statistics.h):
//   border/firing_rate, centre/firing_rate        how often a unit is active
//   border/rarely_active, centre/rarely_active    share of units active for less than one image in a hundred
//   border/activation, centre/activation          mean value
//   border/less_active      centre/firing_rate - border/firing_rate
//   border/unlike           how much further from their channel's rate in the centre the rates of border units are than those
//                           of central ones
//
// Artifacts, replaced at every evaluation: filters.png (kernels of the first convolution) and firing_rates.png (of its
// positions).
#pragma once

#include <cstdint>
#include <memory>

#include "data/labelled_images.h"
#include "experiments/experiment.h"

namespace normlab {

// Loads the data set the config names, verified, and reports its hash in context.facts as "data.<name>".
// kNotFound: the data is not there; the message says how to get it. kInvalidArgument: the config does not fit the data.
absl::StatusOr<std::unique_ptr<Experiment>> MakeConvnet(const v1::ConvnetConfig& config, std::uint64_t seed,
                                                        const ExperimentContext& context);

// The same on data that is at hand.
absl::StatusOr<std::unique_ptr<Experiment>> MakeConvnet(const v1::ConvnetConfig& config, std::uint64_t seed,
                                                        data::ImageData data);

}  // namespace normlab
