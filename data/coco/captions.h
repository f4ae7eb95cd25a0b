// captions.h - captions as text: a line each, tokens with blanks between.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::data {

struct CaptionLines {
  std::vector<std::string> captions;  // tokens with one blank between
  std::int64_t without_words = 0;
};

// Every line is a caption, empty ones too, for a caption belongs to an image by its number. kDataLoss names `source`, the line
// and the byte of what is not UTF-8 or longer than a caption is.
absl::StatusOr<CaptionLines> ParseCaptions(std::string_view text, std::string_view source);

}  // namespace normlab::data
