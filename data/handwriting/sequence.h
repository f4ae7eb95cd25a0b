// sequence.h - a pen line as the network reads it: offsets with end-of-stroke flags in units of the training set's
// standard deviation, and the text as symbols. One form behind every source.
//
// Order of work on a line: bad readings out, resampled, offsets taken, scaled by the line if asked, cut; then, with the
// training lines' statistics, shifted to mean 0 and deviation 1 per coordinate. NLLs are in that unit ("std-1"); in the
// units before it a step costs ln(std x * std y) nats more.
#pragma once

#include <cstdint>
#include <vector>

#include "data/handwriting/alphabet.h"
#include "data/handwriting/pen_line.h"

namespace normlab::data {

// What lines are brought to a common size by, before the training set's mean and deviation are taken.
enum class LineScale {
  kNone,  // nothing: device units, as Graves; for data of one device
  kStep,  // the line's own root mean square pen-down step; for data of many devices and sizes
};

struct SequenceOptions {
  LineScale line_scale = LineScale::kNone;
  double points_per_second = 0.0;  // resample lines of known rate to this; 0: leave as they are
  double outlier_steps = 0.0;      // a pen-down step longer than this many median steps is a bad reading; 0: keep all
  double ink_deviations =
      20.0;             // then also a point so many median deviations off the ink's middle (ascenders reach 6); 0: keep
  int longest_gap = 3;  // readings dropped in a row that a stroke survives in one piece
  double most_resampling = 20.0;  // lines that would get more than so many times their points are left as they are
  std::int64_t max_steps = 0;     // keep the first so many; 0: all
  Alphabet alphabet = Alphabet::kGraves57;
};

struct PenStep {
  float dx, dy;
  float end;  // 1: the pen is lifted after this point; else 0
};

struct PenSequence {
  std::vector<PenStep> steps;      // from each point to the next; one fewer than the points
  std::vector<std::uint8_t> text;  // see alphabet.h
};

// In what follows bad readings are kept out of the line: a point further than `ink_deviations` above or below the ink, or at the end
// of a step beyond `outlier_steps`; a gap of more than `longest_gap` readings breaks the stroke. Returns how many were dropped.
std::int64_t DropBadReadings(PenLine& line, const SequenceOptions& options);

// Device units or, with kStep, steps. May be empty for a line of one point.
PenSequence ToSequence(PenLine line, const SequenceOptions& options);

struct OffsetStatistics {
  double mean_x = 0.0, mean_y = 0.0, std_x = 1.0, std_y = 1.0;
};

// Over all steps of all sequences; deviations are biased, and 1 where all offsets are equal.
OffsetStatistics MeasureOffsets(const std::vector<PenSequence>& sequences);
void Standardize(const OffsetStatistics& statistics, std::vector<PenSequence>& sequences);

}  // namespace normlab::data
