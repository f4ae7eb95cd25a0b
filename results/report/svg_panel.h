// svg_panel.h - one panel of a figure as SVG: axes, bands, lines, markers.
#pragma once

#include <string>

#include "results/report/figure.h"
#include "results/report/svg_writer.h"

namespace normlab::report {

// Pixels of a panel's cell, which holds the plot and the room for its titles, ticks and labels.
inline constexpr double kCellWidth = 480;
inline constexpr double kCellHeight = 330;
// Colours of the palette; indices beyond it start again.
inline constexpr int kColors = 8;

// Class attributes of strokes and fills in a colour: "line c2", "mark f2".
std::string ColorClass(std::string_view kind, int color);
std::string FillClass(std::string_view kind, int color);
// A marker around (x, y): circle, square, triangle or diamond, so that colours can be told apart without colour.
std::string MarkerPath(int color, double x, double y);

// Draws `panel` into the cell whose upper left corner is (x, y). `clip` is an id that nothing else on the page has.
void WritePanel(SvgWriter& svg, const Panel& panel, double x, double y, const std::string& clip);

}  // namespace normlab::report
