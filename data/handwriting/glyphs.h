// glyphs.h - how the synthetic pen forms its letters: single-stroke glyphs on a grid. Our own design.
#pragma once

#include <string_view>

namespace normlab::data {

// Strokes separated by '|'; a stroke is a row of points, each two digits "xy" with x to the right from 0 and y up: 0 is
// the bottom of a descender, 3 the baseline, 6 the height of an x, 9 the top of a capital. A pen follows a smooth curve
// through the points. Empty for a character the pen cannot write; it can write letters, space and , . '
std::string_view GlyphOf(char character);

}  // namespace normlab::data
