// render_data.h - results for programs: CSV and JSON of tables and figures, numbers in full.
#pragma once

#include <string>
#include <vector>

#include "results/judging/manifest.h"
#include "results/judging/render_document.h"
#include "results/judging/result_data.h"

namespace normlab::judging {

// One row per cell.
std::string TableCsv(const Manifest& manifest, const ItemResult& result, const std::vector<NamedCell>& cells);
// Cells, claims with their evidence, and the runs behind them.
std::string TableJson(const Manifest& manifest, const ItemResult& result, const std::vector<NamedCell>& cells);

// One row per point: source (normlab or paper), arm, metric, seed ("mean" for the mean), x, value, lo, hi,
// repetition (the value of the field that the item repeats over; empty: it does not).
std::string FigureCsv(const std::vector<FigureCurve>& curves);
std::string FigureJson(const Manifest& manifest, const Measured& measured, const std::vector<FigureCurve>& curves);

}  // namespace normlab::judging
