// normal.h - standard normal numbers from random bits, by Box and Muller's formula in float.
#pragma once

#include <cstdint>

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// n numbers from n words of uniform bits; n even. Numbers i and i + n / 2 are the pair of the words i and i + n / 2:
// radius sqrt(-2 log u) with u in (0, 1], so at most 5.8, and an angle. On one thread. normals may not be bits.
void normals_from_bits(Index n, const std::uint32_t* bits, float* normals);

}  // namespace normlab::nn::kernels
