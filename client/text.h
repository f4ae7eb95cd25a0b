// text.h - numbers, times and tables as people read them. Pure functions: no terminal, no clock.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/console.h"

namespace normlab::client {

std::string FormatDuration(double seconds);  // "0.4s", "12s", "2m10s", "1h02m", "3d04h"; "?" for NaN and below 0
std::string FormatCount(std::uint64_t n);    // "13,750"
std::string FormatCount(std::uint64_t n, std::string_view noun);  // "13,750 jobs", "1 job"
std::string FormatRate(double per_second);                        // "1,240", "12.5", "0.031"
std::string FormatBytes(std::uint64_t bytes);                     // "9.9 MB"
std::string FormatValue(double value);  // six significant digits; "NaN", "Infinity", "-Infinity"
std::string FormatShort(double value);  // four of them
std::string FormatExact(double value);  // the shortest text that reads back to the same bits
std::string FormatTime(const google::protobuf::Timestamp& time);  // "2026-11-23T05:10:22Z"; empty if unset

// Columns a terminal needs for UTF-8 text without escape sequences: one per code point.
int DisplayWidth(std::string_view text);
// At most `width` columns, the last one "~" (or the ellipsis of Unicode) if something was cut.
std::string Shortened(std::string_view text, int width, bool unicode);

// As a shell reads it back: one word, whatever is in it.
std::string ShellQuoted(const std::string& word);

// Columns aligned by their widest cell, two blanks apart, no blanks at line ends.
class TextTable {
 public:
  struct Cell {
    Cell(std::string text) : text(std::move(text)) {}  // NOLINT: a row is written as a list of strings
    Cell(const char* text) : text(text) {}             // NOLINT
    Cell(std::string text, Paint paint) : text(std::move(text)), paint(paint) {}
    std::string text;
    Paint paint = Paint::kPlain;
  };
  // `right`: indices of right-aligned columns.
  explicit TextTable(std::vector<Cell> header, std::vector<int> right = {});
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // Header dimmed. Empty header cells throughout: no header line. Lines longer than `width` (0: any) are cut.
  std::string Render(bool colour, int width = 0, bool unicode = true) const;

 private:
  std::vector<std::vector<Cell>> rows_;  // rows_[0] is the header
  std::vector<int> right_;
};

// `text` broken at blanks into lines of at most `width` columns, each after `indent` blanks.
std::string Wrapped(std::string_view text, int width, int indent);

}  // namespace normlab::client
