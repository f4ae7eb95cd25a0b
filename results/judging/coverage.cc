#include "results/judging/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "results/judging/format_value.h"
#include "results/judging/reference.h"
#include "results/judging/selection.h"
#include "results/stats/summary.h"

namespace normlab::judging {
namespace {

bool IsDrawn(const Item& item, int metric, int group) {
  return std::any_of(item.panels.begin(), item.panels.end(), [&](const PanelSpec& panel) {
    return panel.metric == metric && panel.group == group && panel.axis == 0;
  });
}

// What the paper prints of the arm within the budget's length.
ReferenceCurve PrintedWithin(const Measured& measured, int arm, int metric) {
  ReferenceCurve curve = measured.item->reference[static_cast<std::size_t>(arm)][static_cast<std::size_t>(metric)];
  const double end = measured.extent(arm).end;
  std::erase_if(curve, [&](const ReferenceRow& row) { return row.to > end; });
  return curve;
}

void AddOutside(const ReferenceRow& row, bool above, bool follows, std::vector<Outside>& outside) {
  if (follows && outside.back().above == above) {
    outside.back().to = row.to;
    ++outside.back().points;
  } else {
    outside.push_back({row.from, row.to, 1, above});
  }
}

std::optional<Coverage> CoverageOfArm(const Measured& measured, int arm, int metric) {
  const Metric& m = measured.item->metrics[static_cast<std::size_t>(metric)];
  const ReferenceCurve printed = PrintedWithin(measured, arm, metric);
  if (printed.empty()) {
    return std::nullopt;
  }
  std::vector<const Curve*> curves;
  for (const Run& run : measured.runs[static_cast<std::size_t>(arm)]) {
    if (run.finished() && !run.diverged(metric)) {
      curves.push_back(&run.curve(metric));
    }
  }
  if (static_cast<int>(curves.size()) < kCoverageRuns) {
    return std::nullopt;
  }
  Coverage coverage;
  coverage.arm = arm;
  coverage.metric = metric;
  coverage.runs = static_cast<int>(curves.size());
  const auto in_sense = [&](double value) { return m.log ? std::log(value) : value; };
  bool last_outside = false;
  for (const ReferenceRow& row : printed) {
    std::vector<double> values;
    for (const Curve* curve : curves) {
      if (const auto value = MeanOver(*curve, m, row.from, row.to)) {
        values.push_back(in_sense(*value));
      }
    }
    const auto interval =
        values.size() == curves.size() ? stats::PredictionInterval(values, kConfidence) : std::nullopt;
    if (!interval) {
      continue;
    }
    const double paper = in_sense(Middle(row, m));
    ++coverage.points;
    if (interval->Contains(paper)) {
      ++coverage.inside;
    } else {
      AddOutside(row, paper > interval->hi, last_outside, coverage.outside);
    }
    last_outside = !interval->Contains(paper);
  }
  return coverage.points > 0 ? std::optional(coverage) : std::nullopt;
}

// "LayerNorm, batch size 128: 60 of 65 inside (8 runs); below at passes 3 to 8, above at passes 21 to 24"
std::string ArmCoverageText(const Item& item, Coverage coverage) {
  std::string text = fmt::format("{}: {} of {} inside ({} runs)", ArmText(item, coverage.arm), coverage.inside,
                                 coverage.points, coverage.runs);
  constexpr std::size_t kShown = 4;
  std::stable_sort(coverage.outside.begin(), coverage.outside.end(),
                   [](const Outside& a, const Outside& b) { return a.points > b.points; });
  for (std::size_t i = 0; i < std::min(kShown, coverage.outside.size()); ++i) {
    const Outside& o = coverage.outside[i];
    text += fmt::format(", {} at {}", o.above ? "above" : "below", XRangeText(item.x, o.from, o.to));
  }
  if (coverage.outside.size() > kShown) {
    text += fmt::format(" and at {} shorter stretches", coverage.outside.size() - kShown);
  }
  return text;
}

}  // namespace

std::vector<Coverage> CoverageOf(const Measured& measured) {
  const Item& item = *measured.item;
  std::vector<Coverage> all;
  for (std::size_t metric = 0; metric < item.metrics.size(); ++metric) {
    for (std::size_t arm = 0; arm < item.arms.size(); ++arm) {
      const int group = item.arms[arm].group;
      if (!measured.protocol.same_curve[static_cast<std::size_t>(group)] ||
          !IsDrawn(item, static_cast<int>(metric), group)) {
        continue;
      }
      if (auto coverage = CoverageOfArm(measured, static_cast<int>(arm), static_cast<int>(metric))) {
        all.push_back(*std::move(coverage));
      }
    }
  }
  return all;
}

std::string CoverageNote(const Measured& measured) {
  const Item& item = *measured.item;
  std::string text;
  int metric = -1;
  for (const Coverage& coverage : CoverageOf(measured)) {
    text += coverage.metric == metric ? "; "
                                      : fmt::format("{}{}: ", metric < 0 ? "" : ". ",
                                                    item.metrics[static_cast<std::size_t>(coverage.metric)].label);
    metric = coverage.metric;
    text += ArmCoverageText(item, coverage);
  }
  return text.empty()
             ? text
             : fmt::format("Points of the paper's single runs in the 95 % prediction band of one more run of ours. {}.",
                           text);
}

}  // namespace normlab::judging
