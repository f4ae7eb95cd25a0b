// kernel_testing.h - what the kernel tests share: random data, every instruction set of this machine, bit comparison.
#pragma once

#include <hwy/highway.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// Uniform in [-1, 1) from a fixed linear congruence, so that every run sees the same numbers.
inline std::vector<float> Uniform(Index n, std::uint32_t seed) {
  std::vector<float> out(static_cast<std::size_t>(n));
  for (float& x : out) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(seed >> 8) * (2.0f / 16777216.0f) - 1.0f;
  }
  return out;
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) {
      return false;
    }
  }
  return true;
}

// Calls body(name) once per instruction set that was compiled in and that this processor has.
template <typename Body>
void ForEachTarget(Body&& body) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body(std::string(hwy::TargetName(target)));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace normlab::nn::kernels
