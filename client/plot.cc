#include "client/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "client/text.h"

namespace normlab::client {
namespace {

// Dots on a grid, several to a character.
class Canvas {
 public:
  Canvas(int columns, int rows, bool unicode)
      : unicode_(unicode), columns_(columns), rows_(rows), cells_(static_cast<std::size_t>(columns) * rows) {}

  int dots_x() const { return columns_ * (unicode_ ? 2 : 1); }
  int dots_y() const { return rows_ * (unicode_ ? 4 : 1); }

  // y grows upwards.
  void Set(int x, int y) {
    y = dots_y() - 1 - y;
    // Bits of U+2800 braille patterns by (column, row) of the dot.
    static constexpr unsigned char kBits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
    const int cell_x = unicode_ ? x / 2 : x;
    const int cell_y = unicode_ ? y / 4 : y;
    cells_[static_cast<std::size_t>(cell_y) * columns_ + cell_x] |= unicode_ ? kBits[x % 2][y % 4] : 1;
  }

  void Line(int x0, int y0, int x1, int y1) {
    const int n = std::max({1, std::abs(x1 - x0), std::abs(y1 - y0)});
    for (int i = 0; i <= n; ++i) {
      Set(x0 + static_cast<int>(std::lround(static_cast<double>(i) * (x1 - x0) / n)),
          y0 + static_cast<int>(std::lround(static_cast<double>(i) * (y1 - y0) / n)));
    }
  }

  std::string Row(int row) const {
    std::string text;
    for (int x = 0; x < columns_; ++x) {
      const unsigned char cell = cells_[static_cast<std::size_t>(row) * columns_ + x];
      if (cell == 0) {
        text += ' ';
      } else if (unicode_) {  // U+2800 + cell in UTF-8
        text += {'\xe2', static_cast<char>(0xa0 | (cell >> 6)), static_cast<char>(0x80 | (cell & 0x3f))};
      } else {
        text += '*';
      }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

 private:
  const bool unicode_;
  const int columns_;
  const int rows_;
  std::vector<unsigned char> cells_;
};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  // 0 to n - 1.
  int Place(double v, int n) const {
    return high > low ? static_cast<int>(std::lround((v - low) / (high - low) * (n - 1))) : (n - 1) / 2;
  }
};

std::optional<double> Height(double value, bool log_y) {
  if (!std::isfinite(value) || (log_y && value <= 0)) {
    return std::nullopt;
  }
  return log_y ? std::log10(value) : value;
}

std::string Padded(const std::string& text, int width) {
  return std::string(std::max(0, width - DisplayWidth(text)), ' ').append(text);
}

}  // namespace

std::string Plot(const std::vector<std::uint64_t>& steps, const std::vector<double>& values,
                 const PlotOptions& options) {
  Range y;
  Range x;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (const auto height = Height(values[i], options.log_y)) {
      y = {std::min(y.low, *height), std::max(y.high, *height)};
      x = {std::min(x.low, static_cast<double>(steps[i])), std::max(x.high, static_cast<double>(steps[i]))};
    }
  }
  if (!(y.high >= y.low)) {
    return "";
  }
  const std::string top = FormatValue(options.log_y ? std::pow(10, y.high) : y.high);
  const std::string bottom = FormatValue(options.log_y ? std::pow(10, y.low) : y.low);
  const int margin = std::max(DisplayWidth(top), DisplayWidth(bottom));
  Canvas canvas(std::max(10, options.width - margin - 3), options.height, options.unicode);
  std::pair<int, int> last;
  bool joined = false;  // to the point before
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto height = Height(values[i], options.log_y);
    if (!height) {
      joined = false;
      continue;
    }
    const std::pair<int, int> dot = {x.Place(static_cast<double>(steps[i]), canvas.dots_x()),
                                     y.Place(*height, canvas.dots_y())};
    const std::pair<int, int> from = joined ? last : dot;
    canvas.Line(from.first, from.second, dot.first, dot.second);
    last = dot;
    joined = true;
  }
  std::string text;
  for (int row = 0; row < options.height; ++row) {
    const std::string label = row == 0 ? top : row == options.height - 1 ? bottom : "";
    text += Padded(label, margin) + (options.unicode ? " │" : " |") + canvas.Row(row) + "\n";
  }
  const std::string first = FormatCount(static_cast<std::uint64_t>(x.low));
  const std::string end = FormatCount(static_cast<std::uint64_t>(x.high));
  const int columns = options.unicode ? canvas.dots_x() / 2 : canvas.dots_x();
  text += Padded("", margin + 2) + first + Padded(end, columns - DisplayWidth(first)) + "  step\n";
  return text;
}

}  // namespace normlab::client
