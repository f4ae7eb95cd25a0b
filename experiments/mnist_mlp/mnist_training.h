// mnist_training.h - one training run of the MNIST network: batches, updates, and the evaluations of Figure 6.
//
// Recorded, at step = updates done when it was measured:
//   train/batch_nll   every update: mean negative log likelihood of its batch, before the update [nats]
//   train/nll         before the first update and after every pass: the same over all training images, evaluated
//   test/nll          likewise over the test images
//   test/error        likewise: share of test images classified wrongly, 0 to 1
//   train/pass        likewise: passes done, for charts with passes as x
#pragma once

#include <cstdint>
#include <memory>

#include "data/mnist.h"
#include "experiments/experiment.h"

namespace normlab {

// Loads the data set the config names, verified, and reports its hash in context.facts as "data.<name>".
// kNotFound: the data is not there; the message says how to get it. kInvalidArgument: the config does not fit the data.
absl::StatusOr<std::unique_ptr<Experiment>> MakeMnistMlp(const v1::MnistMlpConfig& config, std::uint64_t seed,
                                                         const ExperimentContext& context);

// The same on data that is at hand.
absl::StatusOr<std::unique_ptr<Experiment>> MakeMnistMlp(const v1::MnistMlpConfig& config, std::uint64_t seed,
                                                         data::ImageData data);

}  // namespace normlab
