// alphabet.h - characters of a transcription as the numbers the network's window sees.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace normlab::data {

// kGraves57: 52 letters, space, comma, full stop, apostrophe, and one class for all the rest (Graves 2013, section 5.2,
// keeps 57; he names their kind, not each mark, so the three marks are ours).
// kFull: the 95 printable characters of ASCII, and one class for all the rest.
enum class Alphabet { kGraves57, kFull };

int SymbolCount(Alphabet alphabet);

// One number in [0, SymbolCount) a character.
std::vector<std::uint8_t> Encode(Alphabet alphabet, std::string_view text);

}  // namespace normlab::data
