// cifar10.h - CIFAR-10 (Krizhevsky 2009): 32 x 32 colour images of ten classes, 50,000 to train on and 10,000 to test.
//
// Its binary version: records of a byte of label and 3,072 bytes of pixels, all of red, then green, then blue, each row by
// row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/labelled_images.h"
#include "data/registry.h"

namespace normlab::data {

// Reads whole records. kDataLoss names `source` and the first byte that is wrong.
absl::StatusOr<LabelledImages> ParseCifar10(std::string_view records, std::string_view source);

// Loads and verifies all six files. Errors as LoadMnist.
absl::StatusOr<ImageData> LoadCifar10(const DatasetInfo& dataset, const std::vector<std::string>& directories);

}  // namespace normlab::data
