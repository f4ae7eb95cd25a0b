// render_matrix.h - the table of an item whose cells are words: arms down, metrics across, as the paper's Table 1.
#pragma once

#include "results/judging/measure.h"
#include "results/report/document.h"

namespace normlab::judging {

// A band per group; under an arm with claims, what the paper prints, with what is measured otherwise marked.
report::Table MakeMatrixTable(const Measured& measured);
// The words alone, conditions down and arms across: "Invariant", or "No ≠" where the paper prints another.
report::Table MakeBriefMatrix(const Measured& measured);

}  // namespace normlab::judging
