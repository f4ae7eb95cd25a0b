// figure.h - curves in panels, before they have a format; and the SVG they become.
//
// Same figure, same bytes. Colours are indices into the Okabe-Ito palette, which colour-blind readers can tell apart;
// each colour has its own marker as well.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace normlab::report {

struct Point {
  double x = 0;
  double y = 0;
};
struct BandPoint {
  double x = 0;
  double lo = 0;
  double hi = 0;
};

// One curve. Points that are not finite break lines.
struct Trace {
  int color = 0;
  bool reference = false;                // somebody else's: dashed and muted, without markers
  std::vector<std::vector<Point>> thin;  // single runs behind the line
  std::vector<Point> ends;               // where runs diverged: a cross
  std::vector<Point> line;
  std::vector<BandPoint> band;
};

struct Axis {
  std::string label;
  bool log = false;
  std::optional<double> lo;  // absent: from the lines
  std::optional<double> hi;
};

// A second x axis along the top: its value u lies at `first + u * unit` of the lower one.
struct TopAxis {
  std::string label;
  double unit = 1;
  double first = 0;
};

struct Panel {
  std::string title;
  Axis x;
  Axis y;
  std::optional<TopAxis> top;
  std::vector<Trace> traces;
};

struct LegendEntry {
  enum class Style { kColor, kOurs, kSeed, kReference };
  std::string label;
  Style style = Style::kColor;
  int color = 0;  // of kColor
};

struct Figure {
  std::string name;  // prefix of ids, unique on a page: a-z 0-9 - _
  std::string title;
  std::string description;  // what a reader who cannot see it should know
  std::vector<LegendEntry> legend;
  std::vector<Panel> panels;
  int columns = 2;
};

std::string RenderSvg(const Figure& figure);

}  // namespace normlab::report
