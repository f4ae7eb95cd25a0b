#include "data/text/unicode.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/text.h"
#include "data/handwriting/text_cursor.h"

namespace normlab::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Below it every character is composed already and combines with nothing before it; its first byte in UTF-8.
constexpr unsigned char kFirstByteThatMayCombine = 0xCC;  // of U+0300

bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

void AppendCodePoint(char32_t c, std::string& out) {
  std::array<utf8proc_uint8_t, 4> bytes;
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

// Appends pieces of text to a string in NFC.
class Composer {
 public:
  explicit Composer(std::string& out) : out_(out) {}

  // `piece` begins where nothing combines with what is before it.
  absl::Status Append(std::string_view piece) {
    const auto may_combine = [](char c) { return static_cast<unsigned char>(c) >= kFirstByteThatMayCombine; };
    if (std::none_of(piece.begin(), piece.end(), may_combine)) {
      out_ += piece;
      return absl::OkStatus();
    }
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(piece.data());
    const auto size = static_cast<utf8proc_ssize_t>(piece.size());
    constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    utf8proc_ssize_t needed = 0;
    while ((needed = utf8proc_decompose(bytes, size, points_.data(), Room(), kOptions)) > Room()) {
      points_.resize(static_cast<std::size_t>(needed) + 1);  // utf8proc_reencode wants one byte more
    }
    needed = needed < 0 ? needed : utf8proc_reencode(points_.data(), needed, kOptions);
    if (needed < 0) {
      return absl::DataLossError(utf8proc_errmsg(needed));
    }
    out_.append(reinterpret_cast<const char*>(points_.data()), static_cast<std::size_t>(needed));
    return absl::OkStatus();
  }

 private:
  utf8proc_ssize_t Room() const { return static_cast<utf8proc_ssize_t>(points_.size()) - 1; }

  std::string& out_;
  std::vector<utf8proc_int32_t> points_ = std::vector<utf8proc_int32_t>(64);
};

// NFC of UTF-8 with any line breaks; `offset` is where `text` begins in its file.
absl::StatusOr<std::string> Compose(std::string_view text, std::string_view source, std::size_t offset) {
  std::string out;
  out.reserve(text.size());
  Composer composer(out);
  for (std::size_t at = 0; at < text.size();) {
    // Most text is ASCII and needs no look. The last of it may be the letter that an accent stands on.
    std::size_t end = at;
    while (end < text.size() && IsAscii(text[end])) {
      ++end;
    }
    std::size_t plain = end < text.size() && end > at ? end - 1 : end;
    for (; at < plain; ++at) {
      if (text[at] != '\r') {
        out += text[at];
      } else if (at + 1 == text.size() || text[at + 1] != '\n') {
        out += '\n';
      }
    }
    while (end < text.size() && !IsAscii(text[end])) {
      ++end;
    }
    if (at < end && text[at] == '\r') {  // an accent on a line break
      out += '\n';
      ++at;
    }
    if (const absl::Status status = composer.Append(text.substr(at, end - at)); !status.ok()) {
      return BadInput(source, offset + at, Message(status));
    }
    at = end;
  }
  return out;
}

// 0x80 to 0x9F of Windows-1252.
constexpr char32_t kWindows1252[] = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                     0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                     0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                     0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

char32_t FromWindows1252(char32_t c) { return c >= 0x80 && c < 0xA0 ? kWindows1252[c - 0x80] : c; }

// What a typewriter has for `c`; nullptr: itself. Controls from 0x80 on are Windows-1252 that was taken for Latin-1.
const char* Typewriter(char32_t c) {
  c = FromWindows1252(c);
  switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x201B:
    case 0x2032:
      return "'";
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x201F:
    case 0x2033:
    case 0xAB:
    case 0xBB:
      return "\"";
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
      return "--";
    case 0x2010:
    case 0x2011:
      return "-";
    case 0x2026:
      return "...";
    case 0xAD:
    case 0x200B:
    case 0x200C:
    case 0x200D:
    case 0x2060:
    case 0xFEFF:
      return "";  // no width
    default:
      break;
  }
  const bool blank =
      c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000;
  return blank || (IsControl(c) && c != '\n' && c != '\t') ? " " : nullptr;
}

bool NeedsTypewriter(char c) {
  return !IsAscii(c) || (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') || c == '\x7F';
}

utf8proc_category_t CategoryOf(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

}  // namespace

absl::StatusOr<std::string> ToNfc(std::string_view bytes, std::string_view source) {
  if (const auto bad = FirstBadUtf8(bytes)) {
    return BadInput(source, *bad, fmt::format("0x{:02x} is not UTF-8", static_cast<unsigned char>(bytes[*bad])));
  }
  if (const std::size_t nul = bytes.find('\0'); nul != std::string_view::npos) {
    return BadInput(source, nul, "a NUL byte; expected text");
  }
  const std::size_t mark = bytes.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  return Compose(bytes.substr(mark), source, mark);
}

absl::StatusOr<std::string> Windows1252ToNfc(std::string_view bytes, std::string_view source) {
  if (const std::size_t nul = bytes.find('\0'); nul != std::string_view::npos) {
    return BadInput(source, nul, "a NUL byte; expected text");
  }
  std::string utf8;
  utf8.reserve(bytes.size());
  for (const char c : bytes) {
    AppendCodePoint(FromWindows1252(static_cast<unsigned char>(c)), utf8);
  }
  return Compose(utf8, source, 0);
}

std::string ToTypewriter(std::string text) {
  if (std::none_of(text.begin(), text.end(), NeedsTypewriter)) {
    return text;
  }
  std::string out;
  out.reserve(text.size());
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view before = rest;
    const char32_t c = TakeCodePoint(rest);
    const char* replacement = Typewriter(c);
    out += replacement != nullptr ? std::string_view(replacement) : before.substr(0, before.size() - rest.size());
  }
  return out;
}

std::string ToLower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (IsAscii(text.front())) {
      const char c = text.front();
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      text.remove_prefix(1);
    } else {
      const std::string_view before = text;
      const char32_t c = TakeCodePoint(text);
      const auto lower = static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
      if (lower != c) {
        AppendCodePoint(lower, out);
      } else {
        out += before.substr(0, before.size() - text.size());
      }
    }
  }
  return out;
}

bool IsUpperCase(char32_t c) {
  return c < 0x80 ? c >= 'A' && c <= 'Z'
                  : CategoryOf(c) == UTF8PROC_CATEGORY_LU || CategoryOf(c) == UTF8PROC_CATEGORY_LT;
}

bool IsLowerCase(char32_t c) { return c < 0x80 ? c >= 'a' && c <= 'z' : CategoryOf(c) == UTF8PROC_CATEGORY_LL; }

bool IsDigit(char32_t c) { return c < 0x80 ? c >= '0' && c <= '9' : CategoryOf(c) == UTF8PROC_CATEGORY_ND; }

bool IsWordCharacter(char32_t c) {
  if (c < 0x80) {
    return IsUpperCase(c) || IsLowerCase(c) || IsDigit(c) || c == '_';
  }
  switch (CategoryOf(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

}  // namespace normlab::data
