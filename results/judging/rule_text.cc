#include "results/judging/rule_text.h"

#include <fmt/format.h>

#include "results/judging/format_value.h"
#include "results/judging/judge.h"
#include "results/report/number.h"

namespace normlab::judging {
namespace {

using report::Exact;

std::string TieText(const Metric& metric) {
  const bool any = metric.log ? metric.tie > 1 : metric.tie > 0;
  if (!any) {
    return "";
  }
  return metric.log ? fmt::format(", or its 95 % interval within a factor of {} (a tie)", Exact(metric.tie))
                    : fmt::format(", or its 95 % interval within {} {} (a tie)", Exact(metric.tie), metric.unit);
}

std::string Lower(const Metric& metric) {
  return fmt::format(
      "the mean {} of runs paired by seed is below {} with Holm-adjusted Student p < {}; REPRODUCED also needs the "
      "exact "
      "sign-flip p < {} and the paper's own {} inside the 95 % prediction interval for one more pair; DIFFERENT is the "
      "opposite direction at the same level{}",
      metric.log ? "log ratio" : "difference", metric.log ? "0 (ratio 1)" : "0", kSignificance, kSignificance,
      metric.log ? "ratio" : "difference", TieText(metric));
}

std::string Close(const Claim& claim, const Metric& metric) {
  const std::string margin = metric.log ? fmt::format("1/{0} to {0}", Exact(claim.within))
                                        : fmt::format("±{} {}", Exact(claim.within), metric.unit);
  return fmt::format(
      "equivalence: the 95 % interval of the mean paired {} lies wholly inside {}; DIFFERENT is wholly outside",
      metric.log ? "ratio" : "difference", margin);
}

std::string Value(const Claim& claim, const Metric& metric) {
  const std::string margin = metric.log ? fmt::format("a factor of {}", Exact(claim.within))
                                        : fmt::format("{} {}", Exact(claim.within), metric.unit);
  return fmt::format(
      "the 95 % prediction interval for one more run lies within {} of the printed value; DIFFERENT is the printed "
      "value "
      "outside that interval and the interval of the mean outside the margin",
      margin);
}

std::string Reaches(const Item& item, const Claim& claim, const Metric& metric) {
  return fmt::format(
      "first {} at which the best {} so far is at most {} {}; the median of paired ratios is below 1 by the exact sign "
      "test, Holm-adjusted p < {}; runs that never get there stay in as later than any they were seen at; positions of "
      "single runs are not compared",
      item.x.unit, metric.label, Exact(claim.target), metric.unit, kSignificance);
}

}  // namespace

std::string ArmText(const Item& item, int arm) {
  const Arm& a = item.arms[static_cast<std::size_t>(arm)];
  const std::string& group = item.groups[static_cast<std::size_t>(a.group)].label;
  return group.empty() ? a.label : fmt::format("{}, {}", a.label, group);
}

std::string RuleText(const Item& item, const Claim& claim, double from, double to) {
  const Metric& metric = item.metrics[static_cast<std::size_t>(claim.metric)];
  std::string rule;
  switch (claim.rule) {
    case Rule::kLower:
      rule = Lower(metric);
      break;
    case Rule::kClose:
      rule = Close(claim, metric);
      break;
    case Rule::kValue:
      rule = Value(claim, metric);
      break;
    case Rule::kReaches:
      rule = Reaches(item, claim, metric);
      break;
    case Rule::kBelow:
    case Rule::kAbove:
      return fmt::format("over {}, every value of every run is {} {}", XRangeText(item.x, 1, to),
                         claim.rule == Rule::kBelow ? "below" : "above", Exact(claim.bound));
  }
  const std::string seeds = fmt::format("at least {} seeds, {} for REPRODUCED", kMinSeeds, kMinSeedsReproduced);
  return fmt::format("over {}, {}; {}", XRangeText(item.x, from, to), rule, seeds);
}

}  // namespace normlab::judging
