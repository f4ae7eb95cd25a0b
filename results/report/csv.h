// csv.h - RFC 4180 with CRLF line ends, safe to open in a spreadsheet.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace normlab::report {

class CsvWriter {
 public:
  // Text that a spreadsheet would take for a formula (it starts with = + - @, a tab or a carriage return) gets an
  // apostrophe in front, as OWASP advises.
  CsvWriter& Text(std::string_view text);
  // Exactly, so that it reads back to the same double; absent and NaN are an empty cell, infinities "inf" and "-inf".
  CsvWriter& Number(std::optional<double> value);
  void EndRow();
  std::string Take() { return std::move(out_); }

 private:
  void Separate();
  std::string out_;
  bool row_begun_ = false;
};

}  // namespace normlab::report
