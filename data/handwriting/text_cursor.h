// text_cursor.h - walks through a text file line by line and number by number, and knows the offset of all it meets.
//
// For the readers of handwriting: whatever they find wrong they report with At(), which names file and byte.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

inline bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'; }
inline bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

// `text` without blanks at either end.
std::string_view Trim(std::string_view text);

// The whole of `word` as a number of type T; nothing if it is anything else (empty, NaN, infinite, too large, "12px").
template <typename T>
std::optional<T> ParseNumber(std::string_view word) {
  T value{};
  const char* end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, value);
  const bool finite = value - value == T{0};  // false for NaN and infinities, which from_chars accepts by name
  return error == std::errc() && stopped == end && finite ? std::optional(value) : std::nullopt;
}

// Up to 40 characters of `text` fit to stand in an error message: other bytes than printable ASCII become '?'.
std::string Quoted(std::string_view text);

// kDataLoss "source: byte 17: what".
absl::Status BadInput(std::string_view source, std::size_t offset, std::string_view what);

class TextCursor {
 public:
  // Both must outlive the cursor.
  TextCursor(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  bool AtEnd() const { return offset_ == text_.size(); }
  std::size_t offset() const { return offset_; }
  std::size_t left() const { return text_.size() - offset_; }

  // The rest of the current line without its line break; the cursor moves to the next line.
  std::string_view Line();
  // The next word of the current line, empty at its end; the cursor moves behind it.
  std::string_view Word();

  // BadInput at byte `offset` of this text.
  absl::Status At(std::size_t offset, std::string_view what) const { return BadInput(source_, offset, what); }

 private:
  std::string_view text_;
  std::string_view source_;
  std::size_t offset_ = 0;
};

}  // namespace normlab::data
