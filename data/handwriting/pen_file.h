// pen_file.h - the cached form of handwriting: a text file of pen lines, as unipen/lines.txt.gz is and `normlab data
// import` writes.
//
//   LINE <n> <part> <writer> <points_per_second> <word> <origin> <range>
//   TEXT <transcription>
//   STROKES <k>
//   <npoints> x y x y ...      k such lines
//
// Integers in the device's own units, y up, the line's least x and y at 0. Input may be hostile: every count is checked
// against the bytes that are left before anything is allocated, and each error is kDataLoss with file and byte offset.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/handwriting/pen_line.h"

namespace normlab::data {

// Takes the uncompressed file.
absl::StatusOr<std::vector<PenLine>> ParsePenFile(std::string_view content, std::string_view source);

// What ParsePenFile reads back as the same lines, moved to the origin. Deterministic.
std::string FormatPenFile(const std::vector<PenLine>& lines);

}  // namespace normlab::data
