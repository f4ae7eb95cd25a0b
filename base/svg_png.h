// svg_png.h - an SVG picture as a PNG file, through librsvg and Cairo.
//
// Thread safety: any thread. Text is set in the fonts of the machine: the same machine gives the same bytes, another
// one may not. The picture must stand by itself: links out of it are not followed.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab {

// `scale` pixels per unit of the picture, on white. kInvalidArgument for what is not SVG, has no size, or would be
// larger than 16,384 pixels a side.
absl::StatusOr<std::string> SvgToPng(std::string_view svg, double scale);

}  // namespace normlab
