// plot.h - a curve drawn with characters, for a glance in the terminal. Figures for people outside it are the server's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace normlab::client {

struct PlotOptions {
  int width = 80;       // columns in all
  int height = 16;      // rows of the drawing area
  bool unicode = true;  // braille dots, eight to a character; else '*'
  bool log_y = false;   // values at or below 0 are left out
};

// Axes with their extremes, and the points joined by lines. Points that are not finite leave a gap. Empty if no point
// can be drawn.
std::string Plot(const std::vector<std::uint64_t>& steps, const std::vector<double>& values,
                 const PlotOptions& options);

}  // namespace normlab::client
