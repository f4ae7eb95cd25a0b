// optimization.h - the configuration of gradients and updates as the engine wants it.
#pragma once

#include <cstdint>

#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

nn::OptimizerSpec OptimizerOf(const v1::OptimizerConfig& config);
// For a run of `updates`, at whose end the cosine comes down.
nn::Schedule ScheduleOf(const v1::OptimizerConfig& config, std::uint64_t updates);
nn::ClipSpec ClipOf(const v1::OptimizerConfig& config);

}  // namespace normlab
