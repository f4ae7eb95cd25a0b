// unicode.h - the bytes of a text file as UTF-8 in Unicode's composed form (NFC), which everything in data/text reads.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

// `bytes` without a byte order mark, in NFC, every line break as '\n'. kDataLoss "source: byte 17: ..." for what is not
// UTF-8 and for a NUL byte.
absl::StatusOr<std::string> ToNfc(std::string_view bytes, std::string_view source);

// The same of bytes that are Windows-1252, the form in which some older corpora are distributed; the five bytes that it
// leaves open stand for themselves.
absl::StatusOr<std::string> Windows1252ToNfc(std::string_view bytes, std::string_view source);

// Typographic quotes, dashes, ellipses and blanks as what a typewriter has for them: the tokeniser's rules know only
// those. `text` is UTF-8.
std::string ToTypewriter(std::string text);

// Lower case, character by character. `text` is UTF-8.
std::string ToLower(std::string_view text);

bool IsUpperCase(char32_t c);
bool IsLowerCase(char32_t c);
bool IsDigit(char32_t c);
// Letter, digit or '_': what \w is in a regular expression over Unicode.
bool IsWordCharacter(char32_t c);

}  // namespace normlab::data
