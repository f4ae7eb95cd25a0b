// synthetic_pen.h - lines of handwriting drawn by a program, for where a user has no recorded data at all.
//
// Single-stroke glyphs of our own, drawn with a writer's slant, size, width, speed and tremor. It has the form of real
// data and none of its difficulty: results on it say that a job runs, not how well a model writes. Every table names
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "data/handwriting/pen_line.h"

namespace normlab::data {

// Line n is a pure function of (seed, n), so a longer set begins with a shorter one. About 700 points and 30 characters
// a line, 100 points a second, 16 lines a writer, part "synthetic".
std::vector<PenLine> DrawSyntheticLines(std::uint64_t seed, std::int64_t count);

}  // namespace normlab::data
