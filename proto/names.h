// names.h - what series, labels and artifacts may be called, wherever they come from: the server refuses others.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string_view>

namespace normlab {

// [A-Za-z0-9][A-Za-z0-9._-]{0,127}, with '/' as well if `slash`: series are "train/nll".
bool IsName(std::string_view name, bool slash);

// "image/svg+xml": two names with a slash between them, at most 128 bytes; no parameters.
bool IsMediaType(std::string_view text);

}  // namespace normlab
