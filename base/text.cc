#include "base/text.h"

#include <cstdint>

namespace normlab {
namespace {

constexpr char32_t kBroken = 0xFFFD;

}  // namespace

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029; }

char32_t TakeCodePoint(std::string_view& utf8) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(utf8[i]); };
  const std::uint8_t lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : (lead >> 5) == 6 ? 2 : (lead >> 4) == 14 ? 3 : (lead >> 3) == 30 ? 4 : 0;
  char32_t c = length == 1 ? lead : lead & (0x7Fu >> length);
  bool whole = length > 0 && length <= utf8.size();
  for (std::size_t i = 1; whole && i < length; ++i) {
    whole = (byte(i) >> 6) == 2;
    c = (c << 6) | (byte(i) & 0x3Fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  whole = whole && c >= kSmallest[length] && c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
  utf8.remove_prefix(whole ? length : 1);
  return whole ? c : kBroken;
}

std::optional<std::size_t> FirstBadUtf8(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t at = text.size() - rest.size();
    if (TakeCodePoint(rest) == kBroken && text.size() - rest.size() == at + 1) {  // U+FFFD itself has three bytes
      return at;
    }
  }
  return std::nullopt;
}

std::string CutText(std::string utf8, std::size_t size) {
  if (utf8.size() > size) {
    while (size > 0 && (static_cast<unsigned char>(utf8[size]) & 0xC0) == 0x80) {
      --size;
    }
    utf8.resize(size);
    utf8 += "...";
  }
  return utf8;
}

std::string OneLine(std::string_view bytes, std::size_t size) {
  std::string line;
  while (!bytes.empty() && line.size() <= size) {
    const std::string_view before = bytes;
    const char32_t c = TakeCodePoint(bytes);
    if (c == kBroken) {
      line += "\uFFFD";
    } else if (IsControl(c)) {
      line += ' ';
    } else {
      line += before.substr(0, before.size() - bytes.size());
    }
  }
  return CutText(std::move(line), size);
}

}  // namespace normlab
