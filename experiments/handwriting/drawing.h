// drawing.h - a written line as a picture: its ink, and under it how the window moved over the text.
#pragma once

#include <string>
#include <string_view>

#include "data/handwriting/sequence.h"
#include "experiments/handwriting/writer.h"

namespace normlab {

// A self-contained SVG: ink above; below, one row a character of `text` and one column a step, dark where the window
// looked. `statistics` turn the standardized offsets back. The same line gives the same bytes.
std::string DrawSvg(const WrittenLine& line, std::string_view text, const data::OffsetStatistics& statistics);

}  // namespace normlab
