// step.h - what a layer must know of the moment it runs in.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/rng.h"
#include "nn/aligned_array.h"

namespace normlab::nn {

enum class Mode { kTrain, kEvaluate };

// What the random numbers of a training step are drawn by. They depend on nothing else, so a run resumed at an update
// draws what the uninterrupted one drew.
struct RandomKey {
  std::uint64_t seed = 0;    // the run's
  std::uint64_t update = 0;  // below 2^44
};

struct Step {
  Mode mode = Mode::kTrain;
  Index time = 0;      // position in a sequence, below 2^20; 0 outside of recurrent networks
  RandomKey key = {};  // of dropout and noise

  // The random numbers of one use in this step: `purpose` names the use and the layer, "dropout/readout".
  Rng rng(std::string_view purpose) const {
    return Rng(key.seed, purpose, key.update << 20 | static_cast<std::uint64_t>(time));
  }
};

}  // namespace normlab::nn
