// render_data.h - results for programs: CSV and JSON of tables and figures, numbers in full.
#pragma once

#include <string>
#include <vector>

#include "results/judging/manifest.h"
#include "results/judging/render_document.h"

namespace normlab::judging {

// One row per cell.
std::string TableCsv(const Manifest& manifest, const ItemResult& result);
// Cells, claims with their evidence, and the runs behind them.
std::string TableJson(const Manifest& manifest, const ItemResult& result);

// One row per point: source (normlab or paper), arm, metric, seed ("mean" for the mean), x, value, lo, hi.
std::string FigureCsv(const Measured& measured);
std::string FigureJson(const Manifest& manifest, const Measured& measured);

}  // namespace normlab::judging
