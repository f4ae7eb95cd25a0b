// render_comparison.h - a comparison as a table and as a figure, in every format results leave in. Same comparison, same bytes.
#pragma once

#include <string>

#include "results/judging/comparison.h"
#include "results/report/format.h"

namespace normlab::judging {

// kTerminal, kMarkdown, kLatex, kHtml, kCsv, kJson: per series and arm what the runs reached, and the difference to the
// first arm. kHtml has the figure as well.
absl::StatusOr<std::string> RenderTable(const Comparison& comparison, report::Format format);

// kSvg, kCsv, kJson: a panel per series, a colour per arm. Lines of the picture keep the extremes of long curves; CSV
// and JSON have every point.
absl::StatusOr<std::string> RenderPlot(const Comparison& comparison, bool log_y, report::Format format);

}  // namespace normlab::judging
