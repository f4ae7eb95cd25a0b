// dropout.h - which values a dropout keeps, a bit each, and the product with that mask.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// Values per word of a mask: value i is kept if bit i % 32 of word i / 32 is set.
inline constexpr Index kMaskBits = 32;
inline Index mask_words(Index n) { return (n + kMaskBits - 1) / kMaskBits; }

// Draws mask_words(n) words: each of n values is kept with probability 1 - rate, rate in [0, 1), to 2^-32. The word of
// `stream` with the value's number decides, so neither threads nor the instruction set change a mask.
void draw_mask(const Rng& stream, double rate, Index n, std::uint32_t* keep);

// y = factor x where kept, else 0; or adds it. y may be x.
void scale_kept(Index n, const std::uint32_t* keep, float factor, const float* x, float* y, bool accumulate);

}  // namespace normlab::nn::kernels
