// kjv.h - the King James Bible out of /usr/lib/bible.data of Debian's package bible-kjv-text.
//
// That file, read off the file itself (numbers are unsigned, 32 bits, the highest byte first):
//
//   byte 0    "EC02Compressed Data File", then zeros
//   byte 84   bytes of a window (65,536); number n of windows (68)
//   byte 92   n + 1 offsets: where each window begins in the file, and where the last one ends
//   then      the windows: pieces of the text, each packed by compress(1) without its three bytes of header
//
// The text is a line with its title, then a line a verse: "Ge1:1 In the beginning ...".
//
// Thread safety: free functions, any thread. Errors are kDataLoss with file and byte offset.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

absl::StatusOr<std::string> UnpackBible(std::string_view bytes, std::string_view source);

// As a book file (book_file.h): the books under the names that they have there, and each verse a paragraph.
absl::StatusOr<std::string> VersesToBookFile(std::string_view text, std::string_view source);

}  // namespace normlab::data
