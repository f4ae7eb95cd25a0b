// crc32c.h - the Castagnoli checksum over stored chunks, checkpoints and wire transfers.
#pragma once

#include <cstdint>
#include <string_view>

namespace normlab {

// CRC-32C of `data`; pass the previous result as `seed` to continue over pieces.
std::uint32_t Crc32c(std::string_view data, std::uint32_t seed = 0);

}  // namespace normlab
