// philox.h - Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random words that
// are a function of a counter and a key. Pure; every instruction set gives the same words.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace normlab {

using PhiloxBlock = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// One block: four 32-bit words out of a 128-bit counter and a 64-bit key.
PhiloxBlock Philox4x32(PhiloxBlock counter, PhiloxKey key);

// The words of block `counter` and those that follow it, several blocks a step; `words` holds whole blocks. The count
// is counter[0] and above it counter[1].
void Philox4x32(PhiloxBlock counter, PhiloxKey key, std::span<std::uint32_t> words);

}  // namespace normlab
