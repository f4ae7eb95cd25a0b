#include "experiments/handwriting/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

namespace normlab {
namespace {

constexpr double kWidth = 960.0, kMargin = 20.0, kLeft = 40.0;
constexpr double kMostInkHeight = 300.0, kRowHeight = 9.0, kGap = 24.0;
constexpr float kFaint = 0.03f;  // of the largest weight of a step; what is below is not drawn

struct Place {
  double x, y;  // y up, in the units of the offsets
  bool down;    // whether ink leads here
};

std::vector<Place> Walk(const WrittenLine& line, const data::OffsetStatistics& statistics) {
  std::vector<Place> places = {{0.0, 0.0, false}};
  bool lifted = false;
  for (const data::PenStep& step : line.steps) {
    const Place& last = places.back();
    places.push_back({last.x + static_cast<double>(step.dx) * statistics.std_x + statistics.mean_x,
                      last.y + static_cast<double>(step.dy) * statistics.std_y + statistics.mean_y, !lifted});
    lifted = step.end > 0.5f;
  }
  return places;
}

std::string Escaped(char character) {
  switch (character) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    default:
      return std::string(1, character);
  }
}

// One path; returns its height on the page.
double DrawInk(const std::vector<Place>& places, std::string& out) {
  const auto by_x = [](const Place& a, const Place& b) { return a.x < b.x; };
  const auto by_y = [](const Place& a, const Place& b) { return a.y < b.y; };
  const auto [left, right] = std::minmax_element(places.begin(), places.end(), by_x);
  const auto [low, high] = std::minmax_element(places.begin(), places.end(), by_y);
  const double width = std::max(right->x - left->x, 1e-9), height = std::max(high->y - low->y, 1e-9);
  const double scale = std::min((kWidth - kLeft - kMargin) / width, kMostInkHeight / height);
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "<path fill=\"none\" stroke=\"#113\" stroke-width=\"1.6\" stroke-linejoin=\"round\" "
                 "stroke-linecap=\"round\" d=\"");
  for (const Place& place : places) {
    fmt::format_to(to, "{}{:.2f} {:.2f}", place.down ? 'L' : 'M', kLeft + (place.x - left->x) * scale,
                   kMargin + (high->y - place.y) * scale);
  }
  fmt::format_to(to, "\"/>\n");
  return height * scale;
}

void DrawAlignment(const WrittenLine& line, std::string_view text, double top, std::string& out) {
  const auto to = std::back_inserter(out);
  const auto characters = static_cast<std::size_t>(line.characters);
  for (std::size_t u = 0; u < characters && u < text.size(); ++u) {
    fmt::format_to(to, "<text x=\"{}\" y=\"{:.1f}\" font-size=\"9\" font-family=\"monospace\">{}</text>\n", kMargin,
                   top + (static_cast<double>(u) + 0.85) * kRowHeight, Escaped(text[u]));
  }
  const double column = (kWidth - kLeft - kMargin) / static_cast<double>(line.steps.size());
  for (std::size_t t = 0; t < line.steps.size(); ++t) {
    const float* phi = line.alignment.data() + t * characters;
    const float most = std::max(*std::max_element(phi, phi + characters), 1e-12f);
    for (std::size_t u = 0; u < characters; ++u) {
      if (phi[u] >= kFaint * most) {
        fmt::format_to(to, "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{}\" fill-opacity=\"{:.2f}\"/>\n",
                       kLeft + static_cast<double>(t) * column, top + static_cast<double>(u) * kRowHeight, column + 0.2,
                       kRowHeight, phi[u] / most);
      }
    }
  }
}

}  // namespace

std::string DrawSvg(const WrittenLine& line, std::string_view text, const data::OffsetStatistics& statistics) {
  std::string ink, alignment;
  const double top = kMargin + DrawInk(Walk(line, statistics), ink) + kGap;
  if (!line.steps.empty() && line.characters > 0) {
    DrawAlignment(line, text, top, alignment);
  }
  const double height = top + static_cast<double>(line.characters) * kRowHeight + kMargin;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1:.0f}\" viewBox=\"0 0 {0} {1:.0f}\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{2}<g fill=\"#146\">\n{3}</g>\n</svg>\n",
      kWidth, height, ink, alignment);
}

}  // namespace normlab
