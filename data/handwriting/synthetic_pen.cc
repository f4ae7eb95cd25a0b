#include "data/handwriting/synthetic_pen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/rng.h"
#include "data/handwriting/glyphs.h"

namespace normlab::data {
namespace {

constexpr std::int64_t kLinesPerWriter = 16;
constexpr std::size_t kLeastCharacters = 26;
constexpr double kUnitsPerGrid = 40.0;  // device units
constexpr double kGlyphGap = 1.6;       // grid units between glyphs
constexpr double kSpaceWidth = 3.0;

constexpr std::array<std::string_view, 72> kWords = {
    "the",    "of",     "and",   "water",  "in",      "quick",  "brown",   "fox",     "jumps",   "over",  "lazy",
    "dog",    "with",   "his",   "letter", "before",  "summer", "evening", "they",    "would",   "never", "have",
    "known",  "that",   "river", "behind", "house",   "was",    "frozen",  "again",   "because", "every", "window",
    "looked", "out",    "on",    "a",      "yard",    "full",   "of",      "grey",    "stones",  "she",   "wrote",
    "name",   "upon",   "paper", "and",    "gave",    "it",     "back",    "without", "word",    "six",   "zones",
    "vexed",  "judges", "make",  "pale",   "light",   "fall",   "across",  "old",     "table",   "where", "cups",
    "stood",  "half",   "empty", "quiet",  "kitchen", "now",
};

std::string DrawText(Rng& rng) {
  std::string text;
  while (text.size() < kLeastCharacters) {
    std::string word(kWords[rng.Below(kWords.size())]);
    if (text.empty() || rng.Below(8) == 0) {
      word.front() = static_cast<char>(word.front() - 'a' + 'A');
    }
    text += (text.empty() ? "" : " ") + word;
    text += rng.Below(7) == 0 ? "," : "";
  }
  if (text.back() == ',') {
    text.pop_back();
  }
  return text + (rng.Below(3) == 0 ? "" : ".");
}

// How one writer writes.
struct Style {
  double slant, size, width, step, tremor, drift;

  explicit Style(Rng rng)
      : slant(rng.Uniform(-0.15, 0.45)),
        size(rng.Uniform(0.7, 1.4)),
        width(rng.Uniform(0.8, 1.2)),
        step(rng.Uniform(0.5, 0.75)),  // grid units between readings
        tremor(rng.Uniform(0.02, 0.07)),
        drift(rng.Uniform(-0.01, 0.02)) {}
};

struct Vec {
  double x, y;
};

// The point at `t` in [0, 1] between b and c of a Catmull-Rom spline through a, b, c, d.
Vec Spline(Vec a, Vec b, Vec c, Vec d, double t) {
  const auto at = [t](double p, double q, double r, double s) {
    return 0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t + (3 * q - p - 3 * r + s) * t * t * t);
  };
  return {at(a.x, b.x, c.x, d.x), at(a.y, b.y, c.y, d.y)};
}

class Pen {
 public:
  Pen(const Style& style, Rng& rng) : style_(style), rng_(rng) {}

  void Write(char character) {
    const std::string_view glyph = GlyphOf(character);
    double widest = 0.0;
    for (std::size_t begin = 0; begin < glyph.size();) {
      const std::size_t end = std::min(glyph.find('|', begin), glyph.size());
      widest = std::max(widest, WriteStroke(glyph.substr(begin, end - begin)));
      begin = end + 1;
    }
    x_ += glyph.empty() ? kSpaceWidth : widest + kGlyphGap * rng_.Uniform(0.8, 1.2);
  }

  std::vector<Stroke> Take() { return std::move(strokes_); }

 private:
  // Returns how far right it reaches on the grid.
  double WriteStroke(std::string_view points) {
    std::vector<Vec> path;
    double widest = 0.0;
    for (std::size_t i = 0; i + 1 < points.size(); i += 3) {
      path.push_back({points[i] - '0' + 0.12 * rng_.Normal(), points[i + 1] - '3' + 0.12 * rng_.Normal()});
      widest = std::max(widest, static_cast<double>(points[i] - '0'));
    }
    Stroke stroke = {Place(path.front())};
    const auto last = static_cast<std::ptrdiff_t>(path.size()) - 1;
    const auto knot = [&](std::ptrdiff_t i) {
      return path[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(i, 0, last))];
    };
    for (std::ptrdiff_t i = 0; i < last; ++i) {
      const Vec from = knot(i), to = knot(i + 1);
      const double length = std::hypot(to.x - from.x, to.y - from.y);
      const auto readings =
          std::max(1, static_cast<int>(std::lround(length / (style_.step * rng_.Uniform(0.85, 1.15)))));
      for (int r = 1; r <= readings; ++r) {
        stroke.push_back(Place(Spline(knot(i - 1), from, to, knot(i + 2), static_cast<double>(r) / readings)));
      }
    }
    strokes_.push_back(std::move(stroke));
    return widest;
  }

  // Grid to paper, with a tremor that wanders instead of jumping.
  PenPoint Place(Vec at) {
    tremor_.x = 0.7 * tremor_.x + style_.tremor * rng_.Normal();
    tremor_.y = 0.7 * tremor_.y + style_.tremor * rng_.Normal();
    const double x = x_ * style_.width + at.x * style_.width + style_.slant * at.y + tremor_.x;
    const double y = at.y + style_.drift * x_ + tremor_.y;
    const double scale = style_.size * kUnitsPerGrid;
    return {static_cast<std::int32_t>(std::lround(x * scale)), static_cast<std::int32_t>(std::lround(y * scale))};
  }

  const Style& style_;
  Rng& rng_;
  double x_ = 0.0;
  Vec tremor_{0.0, 0.0};
  std::vector<Stroke> strokes_;
};

}  // namespace

std::vector<PenLine> DrawSyntheticLines(std::uint64_t seed, std::int64_t count) {
  std::vector<PenLine> lines;
  for (std::int64_t n = 0; n < count; ++n) {
    const std::int64_t writer = n / kLinesPerWriter;
    const Style style(Rng(seed, "synthetic_pen/writer", static_cast<std::uint64_t>(writer)));
    Rng rng(seed, "synthetic_pen/line", static_cast<std::uint64_t>(n));
    PenLine line{.part = "synthetic",
                 .writer = fmt::format("pen_w{:03}", writer + 1),
                 .origin = fmt::format("synthetic:{}", n + 1),
                 .points_per_second = 100.0,
                 .text = DrawText(rng),
                 .strokes = {}};
    Pen pen(style, rng);
    for (const char character : line.text) {
      pen.Write(character);
    }
    line.strokes = pen.Take();
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace normlab::data
