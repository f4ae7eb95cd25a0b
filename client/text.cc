#include "client/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_replace.h"

namespace normlab::client {
namespace {

bool IsContinuationByte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string NotFinite(double value) { return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"; }

}  // namespace

std::string FormatDuration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) {
    return "?";
  }
  if (seconds < 9.95) {
    return fmt::format("{:.1f}s", seconds);
  }
  const auto s = static_cast<std::uint64_t>(std::llround(seconds));
  if (s < 60) {
    return fmt::format("{}s", s);
  }
  if (s < 3600) {
    return fmt::format("{}m{:02}s", s / 60, s % 60);
  }
  if (s < 86400) {
    return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  }
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string FormatCount(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (int i = static_cast<int>(text.size()) - 3; i > 0; i -= 3) {
    text.insert(text.begin() + i, ',');
  }
  return text;
}

std::string FormatCount(std::uint64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", FormatCount(n), noun, n == 1 ? "" : "s");
}

std::string FormatRate(double per_second) {
  return per_second >= 100 ? FormatCount(std::llround(std::min(per_second, 1e15))) : fmt::format("{:.3g}", per_second);
}

std::string FormatBytes(std::uint64_t bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 999.5 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.{}f} {}", value, value < 99.95 ? 1 : 0, units[unit]);
}

std::string FormatValue(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : NotFinite(value); }
std::string FormatShort(double value) { return std::isfinite(value) ? fmt::format("{:.4g}", value) : NotFinite(value); }
std::string FormatExact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : NotFinite(value); }

std::string FormatTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) {
    return "";
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(time.seconds())));
}

int DisplayWidth(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuationByte(c); }));
}

std::string Shortened(std::string_view text, int width, bool unicode) {
  if (DisplayWidth(text) <= width) {
    return std::string(text);
  }
  std::size_t end = 0;
  for (int columns = 0; end < text.size(); ++end) {
    columns += IsContinuationByte(text[end]) ? 0 : 1;
    if (columns == width) {
      break;
    }
  }
  return std::string(text.substr(0, end)) + (unicode ? "…" : "~");
}

std::string ShellQuoted(const std::string& word) {
  const bool plain = word.find_first_of(" \t\n'\"\\$`&|;<>()*?[]#~!{}") == std::string::npos;
  return plain && !word.empty() ? word : "'" + absl::StrReplaceAll(word, {{"'", "'\\''"}}) + "'";
}

TextTable::TextTable(std::vector<Cell> header, std::vector<int> right) : right_(std::move(right)) {
  for (Cell& cell : header) {
    cell.paint = Paint::kDim;
  }
  rows_.push_back(std::move(header));
}

std::string TextTable::Render(bool colour, int width, bool unicode) const {
  std::vector<int> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    int used = 0;     // columns of `line`
    int pending = 0;  // blanks owed before the next cell that is not empty
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool right = std::find(right_.begin(), right_.end(), static_cast<int>(i)) != right_.end();
      const int limit = width > 0 ? std::max(1, width - used - pending) : std::numeric_limits<int>::max();
      const std::string cell = Shortened(row[i].text, limit, unicode);
      const int padding = widths[i] - DisplayWidth(cell);
      if (!cell.empty()) {
        const int before = pending + (right ? padding : 0);
        line += std::string(before, ' ') + Painted(cell, row[i].paint, colour);
        used += before + DisplayWidth(cell);
        pending = 0;
      }
      pending += 2 + (right && !cell.empty() ? 0 : padding);
      if (width > 0 && used + pending >= width) {
        break;
      }
    }
    if (!line.empty()) {
      text += line + "\n";
    }
  }
  return text;
}

std::string Wrapped(std::string_view text, int width, int indent) {
  std::string result;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) {
      result += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
  };
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    if (!line.empty() && indent + DisplayWidth(line) + 1 + DisplayWidth(word) > width) {
      flush();
    }
    line.append(line.empty() ? 0 : 1, ' ').append(word);
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  flush();
  return result;
}

}  // namespace normlab::client
