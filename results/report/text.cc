#include "results/report/text.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace normlab::report {
namespace {

struct Range {
  char32_t first, last;
};

// Coarse blocks of Unicode 15's East_Asian_Width W and F and of emoji.
constexpr std::array<Range, 14> kWide = {{{0x1100, 0x115F},
                                          {0x231A, 0x231B},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x33FF},
                                          {0x3400, 0x4DBF},
                                          {0x4E00, 0x9FFF},
                                          {0xA000, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1FAFF},
                                          {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 7> kZero = {{{0x0300, 0x036F},
                                         {0x1AB0, 0x1AFF},
                                         {0x1DC0, 0x1DFF},
                                         {0x200B, 0x200F},
                                         {0x20D0, 0x20FF},
                                         {0xFE00, 0xFE0F},
                                         {0xFE20, 0xFE2F}}};

template <std::size_t N>
bool In(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return r.first <= c && c <= r.last; });
}

}  // namespace

int Width(std::string_view utf8) {
  int width = 0;
  while (!utf8.empty()) {
    const char32_t c = TakeCodePoint(utf8);
    width += In(kZero, c) ? 0 : In(kWide, c) ? 2 : 1;
  }
  return width;
}

std::string Pad(std::string_view utf8, int width, Align align) {
  const std::string blanks(static_cast<std::size_t>(std::max(0, width - Width(utf8))), ' ');
  return align == Align::kLeft ? std::string(utf8) + blanks : blanks + std::string(utf8);
}

std::vector<std::string> Wrap(std::string_view utf8, int width) {
  std::vector<std::string> lines;
  std::string line;
  while (!utf8.empty()) {
    const auto begin = utf8.find_first_not_of(" \n");
    if (begin == std::string_view::npos) {
      break;
    }
    utf8.remove_prefix(begin);
    const std::string_view word = utf8.substr(0, utf8.find_first_of(" \n"));
    utf8.remove_prefix(word.size());
    if (!line.empty() && Width(line) + 1 + Width(word) > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    line += line.empty() ? "" : " ";
    line += word;
  }
  if (!line.empty()) {
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string Printable(std::string_view utf8) {
  std::string clean;
  while (!utf8.empty()) {
    const std::string_view before = utf8;
    const char32_t c = TakeCodePoint(utf8);
    const bool broken = c == 0xFFFD || (IsControl(c) && c != '\n');
    clean += broken ? std::string_view("\uFFFD") : before.substr(0, before.size() - utf8.size());
  }
  return clean;
}

}  // namespace normlab::report
