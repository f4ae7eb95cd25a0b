// text.h - foreign text made fit to send: protobuf refuses strings that are not UTF-8.
//
// Thread safety: free functions, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace normlab {

// One code point from the front of `utf8`, which must not be empty and shrinks; U+FFFD for a broken byte.
char32_t TakeCodePoint(std::string_view& utf8);

// Index of the first byte that is not part of well-formed UTF-8 (no overlong forms, no surrogates).
std::optional<std::size_t> FirstBadUtf8(std::string_view text);

// C0, DEL, C1, and the separators of lines and paragraphs.
bool IsControl(char32_t c);

// At most `size` bytes of `utf8` and then "...", never half a character.
std::string CutText(std::string utf8, std::size_t size);

// Any bytes as one line of UTF-8, cut to `size`: broken bytes become U+FFFD, control characters blanks.
std::string OneLine(std::string_view bytes, std::size_t size);

}  // namespace normlab
