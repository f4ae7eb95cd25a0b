#include "data/handwriting/text_cursor.h"

#include <fmt/format.h>

namespace normlab::data {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && IsBlank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string quoted = "'";
  for (const char c : text.substr(0, kLongest)) {
    quoted += IsPrintable(c) ? c : '?';
  }
  return quoted + (text.size() > kLongest ? "...'" : "'");
}

absl::Status BadInput(std::string_view source, std::size_t offset, std::string_view what) {
  return absl::DataLossError(fmt::format("{}: byte {}: {}", source, offset, what));
}

std::string_view TextCursor::Line() {
  const std::size_t end = std::min(text_.find('\n', offset_), text_.size());
  const std::string_view line = text_.substr(offset_, end - offset_);
  offset_ = std::min(end + 1, text_.size());
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::string_view TextCursor::Word() {
  while (offset_ < text_.size() && text_[offset_] != '\n' && IsBlank(text_[offset_])) {
    ++offset_;
  }
  const std::size_t begin = offset_;
  while (offset_ < text_.size() && !IsBlank(text_[offset_])) {
    ++offset_;
  }
  return text_.substr(begin, offset_ - begin);
}

}  // namespace normlab::data
