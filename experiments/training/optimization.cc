#include "experiments/training/optimization.h"

#include <algorithm>

namespace normlab {

nn::OptimizerSpec OptimizerOf(const v1::OptimizerConfig& config) {
  nn::OptimizerSpec spec{.learning_rate = config.learning_rate(),
                         .beta1 = config.beta1(),
                         .beta2 = config.beta2(),
                         .bias_correction = config.adam_bias_correction(),
                         .momentum = config.momentum(),
                         .alpha = config.rmsprop_decay(),
                         .eps = config.adam_eps(),
                         .weight_decay = config.weight_decay()};
  switch (config.optimizer()) {
    case v1::OPTIMIZER_KIND_SGD:
      spec.kind = nn::OptimizerKind::kSgd;
      break;
    case v1::OPTIMIZER_KIND_ADAMW:
      spec.kind = nn::OptimizerKind::kAdamW;
      break;
    case v1::OPTIMIZER_KIND_RMSPROP:
      spec.kind = nn::OptimizerKind::kRmsprop;
      spec.eps = config.rmsprop_eps();
      break;
    case v1::OPTIMIZER_KIND_RMSPROP_GRAVES:
      spec.kind = nn::OptimizerKind::kRmspropGraves;
      spec.eps = config.rmsprop_eps();
      break;
    default:
      spec.kind = nn::OptimizerKind::kAdam;
  }
  return spec;
}

nn::Schedule ScheduleOf(const v1::OptimizerConfig& config, std::uint64_t updates) {
  const auto warmup = static_cast<std::uint64_t>(config.warmup_updates());
  switch (config.rate_schedule()) {
    case v1::RATE_SCHEDULE_COSINE:
      return {.kind = nn::ScheduleKind::kCosine, .warmup = warmup, .total = updates, .floor = config.rate_floor()};
    case v1::RATE_SCHEDULE_INVERSE_SQRT:
      return {.kind = nn::ScheduleKind::kInverseSquareRoot, .warmup = std::max<std::uint64_t>(warmup, 1)};
    case v1::RATE_SCHEDULE_STEP:
      return {.kind = nn::ScheduleKind::kStep,
              .warmup = warmup,
              .step_factor = config.rate_factor(),
              .step_every = static_cast<std::uint64_t>(config.rate_interval())};
    default:
      return {.kind = nn::ScheduleKind::kConstant, .warmup = warmup};
  }
}

nn::ClipSpec ClipOf(const v1::OptimizerConfig& config) {
  if (config.clip_norm() == 0.0) {
    return {};
  }
  const auto kind = config.clip() == v1::CLIP_KIND_TENSOR_NORM ? nn::ClipKind::kPerTensor
                    : config.clip() == v1::CLIP_KIND_VALUE     ? nn::ClipKind::kPerValue
                                                               : nn::ClipKind::kGlobalNorm;
  return {.kind = kind, .limit = config.clip_norm()};
}

}  // namespace normlab
