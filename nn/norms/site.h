// site.h - where a normaliser stands, and what a kind of norm can do there.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn {

// The values a normaliser gets, one column of `units` for each position of each example: units x (positions B), column
// b * positions + p.
struct Site {
  Index units = 1;      // features of a layer, channels of a convolution
  Index positions = 1;  // columns of one example: 1, or the H x W of an image
  Index groups = 1;     // equal parts of the units with statistics of their own; a kind that cuts says how many
};

// What the statistics of an example are taken over.
enum class NormOver {
  kAll,        // all units at all positions
  kPosition,   // the units at one position: of each column alone
  kPositions,  // all positions of one unit
};

// What layers and cells may ask of a norm before they have it.
struct NormTraits {
  bool on_weights = false;   // rewrites the weights of each unit
  bool on_sums = false;      // normalises summed inputs
  bool per_example = false;  // does so by statistics of each example alone
};

}  // namespace normlab::nn
