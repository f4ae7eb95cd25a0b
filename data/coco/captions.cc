#include "data/coco/captions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace normlab::data {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
// Far beyond COCO's longest; one of them makes a whole batch as long.
constexpr std::size_t kMostBytes = 4096;
constexpr int kMostTokens = 256;

// Appends the tokens of `line`, and counts them.
int Tokens(std::string_view line, std::string& caption) {
  int count = 0;
  for (std::size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;
       at = line.find_first_not_of(kBlanks, at), ++count) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    caption += count == 0 ? "" : " ";
    caption += line.substr(at, end - at);
    at = end;
  }
  return count;
}

}  // namespace

absl::StatusOr<CaptionLines> ParseCaptions(std::string_view text, std::string_view source) {
  CaptionLines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const auto wrong = [&](std::size_t byte, std::string_view what) {
      return absl::DataLossError(
          fmt::format("{}: line {}, byte {}: {}", source, lines.captions.size() + 1, at + byte, what));
    };
    if (line.size() > kMostBytes) {
      return wrong(0, fmt::format("a line of {} bytes; expected captions of at most {}", line.size(), kMostBytes));
    }
    if (const auto bad = FirstBadUtf8(line)) {
      return wrong(*bad, "not UTF-8");
    }
    std::string& caption = lines.captions.emplace_back();
    if (const int tokens = Tokens(line, caption); tokens > kMostTokens) {
      return wrong(0, fmt::format("a caption of {} words; expected at most {}", tokens, kMostTokens));
    }
    lines.without_words += caption.empty() ? 1 : 0;
    at = end + 1;
  }
  return lines;
}

}  // namespace normlab::data
