#include "results/judging/format_value.h"

#include <fmt/format.h>

#include "results/report/number.h"

namespace normlab::judging {

using report::Exact;
using report::Fixed;
using report::Significant;

std::string XText(const XAxis& x, double value) {
  return fmt::format("{} {}", Exact(value), value == 1 ? x.unit : x.units);
}

std::string XRangeText(const XAxis& x, double from, double to) {
  return from == to ? fmt::format("{} {}", x.unit, Exact(to))
                    : fmt::format("{} {} to {}", x.units, Exact(from), Exact(to));
}

std::string ValueText(const Metric& metric, double value) {
  return metric.log ? Significant(value, metric.digits) : Fixed(value, metric.digits);
}

std::string BandText(const Metric& metric, const ReferenceRow& row) {
  const std::string lo = ValueText(metric, row.lo), hi = ValueText(metric, row.hi);
  return lo == hi ? lo : fmt::format("{}–{}", lo, hi);
}

std::string CellText(const Metric& metric, const Cell& cell) {
  if (!cell.mean) {
    return "–";
  }
  const std::string mean = ValueText(metric, *cell.mean);
  if (!cell.interval) {
    return mean;
  }
  const stats::Interval& i = cell.interval->interval;
  // Student's interval is symmetric about an arithmetic mean, and only that.
  if (!metric.log && cell.interval->method == stats::IntervalMethod::kStudent) {
    return fmt::format("{} ± {}", mean, ValueText(metric, i.hi - *cell.mean));
  }
  return fmt::format("{} [{}, {}]", mean, ValueText(metric, i.lo), ValueText(metric, i.hi));
}

std::string EffectValueText(const Metric& metric, const Judgement& judgement, double effect) {
  return judgement.ratio ? Significant(effect, 2) : ValueText(metric, effect);
}

std::string EffectText(const Metric& metric, const Judgement& judgement) {
  if (!judgement.effect) {
    return "–";
  }
  const std::string_view bound = !judgement.bound ? "" : *judgement.effect < 1 ? "≤ " : "≥ ";
  const std::string effect = fmt::format("{}{}", bound, EffectValueText(metric, judgement, *judgement.effect));
  if (!judgement.interval) {
    return effect;
  }
  return fmt::format("{} [{}, {}]", effect, EffectValueText(metric, judgement, judgement.interval->lo),
                     EffectValueText(metric, judgement, judgement.interval->hi));
}

std::string PText(double p) { return p < 0.0001 ? "< 0.0001" : Significant(p, 2); }

}  // namespace normlab::judging
