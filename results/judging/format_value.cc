#include "results/judging/format_value.h"

#include <fmt/format.h>

#include "results/report/number.h"

namespace normlab::judging {

using report::Exact;
using report::Fixed;
using report::Significant;

std::string ArmText(const Item& item, int arm) {
  const Arm& a = item.arms[static_cast<std::size_t>(arm)];
  const std::string& group = item.groups[static_cast<std::size_t>(a.group)].label;
  return group.empty() ? a.label : fmt::format("{}, {}", a.label, group);
}

std::string XText(const XAxis& x, double value) {
  return fmt::format("{} {}", Exact(value), value == 1 ? x.unit : x.units);
}

std::string XRangeText(const XAxis& x, double from, double to) {
  return from == to ? fmt::format("{} {}", x.unit, Exact(to))
                    : fmt::format("{} {} to {}", x.units, Exact(from), Exact(to));
}

std::string ValueText(const Metric& metric, double value) {
  return metric.as_ratios() ? Significant(value, metric.digits) : Fixed(value, metric.digits);
}

std::string BandText(const Metric& metric, const ReferenceRow& row) {
  const std::string lo = ValueText(metric, row.lo), hi = ValueText(metric, row.hi);
  return lo == hi ? lo : fmt::format("{}–{}", lo, hi);
}

std::string CellText(const Metric& metric, const Cell& cell) {
  if (!cell.mean) {
    return cell.later == 0 ? "–" : fmt::format("{} of {} not there", cell.later, cell.values.size());
  }
  const std::string mean = ValueText(metric, *cell.mean);
  if (!cell.interval) {
    return mean;
  }
  const stats::Interval& i = cell.interval->interval;
  // Student's interval is symmetric about an arithmetic mean, and only that.
  if (!metric.as_ratios() && cell.interval->method == stats::IntervalMethod::kStudent) {
    return fmt::format("{} ± {}", mean, ValueText(metric, i.hi - *cell.mean));
  }
  return fmt::format("{} [{}, {}]", mean, ValueText(metric, i.lo), ValueText(metric, i.hi));
}

std::string EffectValueText(const Metric& metric, const Judgement& judgement, double effect) {
  return judgement.ratio ? Significant(effect, 2) : ValueText(metric, effect);
}

std::string EffectText(const Metric& metric, const Judgement& judgement) {
  const Evidence& evidence = judgement.evidence;
  if (!evidence.estimate) {
    return "–";
  }
  // Times are compared as ratios: none is 1.
  const std::string_view bound = !evidence.bound ? "" : *evidence.estimate < (judgement.ratio ? 1 : 0) ? "≤ " : "≥ ";
  const std::string effect = fmt::format("{}{}", bound, EffectValueText(metric, judgement, *evidence.estimate));
  if (!evidence.interval) {
    return effect;
  }
  return fmt::format("{} [{}, {}]", effect, EffectValueText(metric, judgement, evidence.interval->lo),
                     EffectValueText(metric, judgement, evidence.interval->hi));
}

std::string PText(double p) { return p < 0.0001 ? "< 0.0001" : Significant(p, 2); }

}  // namespace normlab::judging
