// format_value.h - measurements and effects in words, for tables and verdicts.
#pragma once

#include <string>

#include "results/judging/cell.h"
#include "results/judging/judge.h"
#include "results/judging/manifest.h"

namespace normlab::judging {

std::string ArmText(const Item& item, int arm);                       // "LayerNorm, batch size 4"
std::string XText(const XAxis& x, double value);                      // "16 passes", "1 pass", "0.2 passes"
std::string XRangeText(const XAxis& x, double from, double to);       // "passes 111 to 130", "pass 2"
std::string ValueText(const Metric& metric, double value);            // "2.45", "4.6×10⁻⁴"
std::string BandText(const Metric& metric, const ReferenceRow& row);  // "2.45–3.55"; "2.77" where the edges agree
std::string CellText(const Metric& metric, const Cell& cell);         // "2.45 ± 0.31", "0.046 [0.031, 0.068]", "–"
// "0.31 [0.25, 0.38]": a ratio or a difference in the metric's unit, with its interval.
std::string EffectText(const Metric& metric, const Judgement& judgement);
std::string EffectValueText(const Metric& metric, const Judgement& judgement, double effect);
std::string PText(double p);  // "0.031", "< 0.0001"

}  // namespace normlab::judging
