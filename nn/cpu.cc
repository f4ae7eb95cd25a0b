#include "nn/cpu.h"

#include <hwy/targets.h>

namespace normlab::nn {

std::string instruction_set() {
  const auto usable = static_cast<std::uint64_t>(hwy::SupportedTargets()) & static_cast<std::uint64_t>(HWY_TARGETS);
  return hwy::TargetName(static_cast<std::int64_t>(usable & -usable));  // the lowest bit is the best set
}

}  // namespace normlab::nn
