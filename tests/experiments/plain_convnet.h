// plain_convnet.h - the loss of a convolutional network by loops over single numbers, from nothing but its parameters by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "experiments/convnet/convnet.h"

namespace normlab {

enum class PlainNorm { kNone, kBatch, kLayer, kPosition, kChannel, kGroup, kInstance, kWeight, kRms };

struct PlainConvnet {
  ConvnetSpec spec;  // without its norm and dropout
  PlainNorm norm = PlainNorm::kNone;
  nn::Index groups = 1;
  double eps = 1e-5;

  // images: pixels of one example after the other, channels side by side. Mean negative log likelihood in training.
  double Loss(const std::map<std::string, std::vector<double>>& parameters, const std::vector<double>& images,
              const std::vector<std::int32_t>& labels) const;
};

}  // namespace normlab
