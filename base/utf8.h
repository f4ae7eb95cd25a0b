// utf8.h - is a text UTF-8? Protobuf sends nothing else.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace normlab {

// Index of the first byte that is not part of well-formed UTF-8 (no overlong forms, no surrogates).
std::optional<std::size_t> FirstBadUtf8(std::string_view text);

}  // namespace normlab
