#include "results/report/csv.h"

#include <cmath>

#include "results/report/number.h"

namespace normlab::report {

void CsvWriter::Separate() {
  if (row_begun_) {
    out_ += ',';
  }
  row_begun_ = true;
}

CsvWriter& CsvWriter::Text(std::string_view text) {
  Separate();
  std::string cell(text);
  if (!cell.empty() && std::string_view("=+-@\t\r").find(cell[0]) != std::string_view::npos) {
    cell.insert(cell.begin(), '\'');
  }
  if (cell.find_first_of(",\"\r\n") == std::string::npos) {
    out_ += cell;
    return *this;
  }
  out_ += '"';
  for (char c : cell) {
    out_.append(c == '"' ? 2 : 1, c);
  }
  out_ += '"';
  return *this;
}

CsvWriter& CsvWriter::Number(std::optional<double> value) {
  Separate();
  if (value && !std::isnan(*value)) {
    out_ += Exact(*value);
  }
  return *this;
}

void CsvWriter::EndRow() {
  out_ += "\r\n";
  row_begun_ = false;
}

}  // namespace normlab::report
