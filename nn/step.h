// step.h - what a layer must know of the moment it runs in.
#pragma once

#include "nn/aligned_array.h"

namespace normlab::nn {

enum class Mode { kTrain, kEvaluate };

struct Step {
  Mode mode = Mode::kTrain;
  Index time = 0;  // position in a sequence; 0 outside of recurrent networks
};

}  // namespace normlab::nn
