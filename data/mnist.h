// mnist.h - MNIST and data sets of its form (Fashion-MNIST): 28 x 28 grey images with a label, split as the paper has
// them.
//
// The paper trains on 55,000 images. As in TensorFlow's MNIST tutorial, from which that number comes, the first 5,000
// of the 60,000 training images are held out and not used for training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/labelled_images.h"
#include "data/registry.h"

namespace normlab::data {

// 55,000 training and 10,000 test images. Loads and verifies all four files and drops the first `held_out` training images.
// kNotFound: not on this machine, the message says how to get it. kDataLoss: a file is not what the registry says, or
// its header, shape or labels are wrong; the message names it.
absl::StatusOr<ImageData> LoadMnist(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                    std::int64_t held_out = 5000);

}  // namespace normlab::data
