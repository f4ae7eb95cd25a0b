#include "results/judging/render_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "results/judging/reference.h"
#include "results/judging/selection.h"
#include "results/stats/downsample.h"

namespace normlab::judging {
namespace {

// How much of the paper's axis is shown at least: a run of a fifth of a pass needs something to stand beside. One so short
// that all of it would be a point there is shown alone.
constexpr double kLeastUnits = 5, kLeastShare = 0.02;

std::vector<report::Point> PointsOf(const Curve& curve, std::size_t most) {
  std::vector<report::Point> points;
  for (const std::size_t i : stats::MinMax(curve.y, most)) {
    if (curve.x[i] > 0) {  // before training every arm is as bad as chance; showing it would flatten the rest
      points.push_back({curve.x[i], curve.y[i]});
    }
  }
  return points;
}

report::Trace OurTrace(const Measured& measured, int arm, int metric, int axis) {
  std::size_t runs = 0;
  for (const auto& of_arm : measured.runs) {
    runs += of_arm.size();
  }
  const std::size_t most = stats::PointsPerLine(runs);
  report::Trace trace;
  trace.color = ColorOf(*measured.item, arm);
  for (const Run& run : measured.runs[static_cast<std::size_t>(arm)]) {
    const Curve curve = SelectedCurve(*measured.item, run, metric, axis);
    auto points = PointsOf(curve, most);
    const auto last = stats::LastFinite(curve.y);
    if (run.diverged(metric) && !curve.x.empty() && (!last || curve.x[*last] > 0)) {
      trace.ends.push_back({curve.x[last.value_or(0)], curve.y[last.value_or(0)]});
    }
    if (!points.empty()) {
      trace.thin.push_back(std::move(points));
    }
  }
  for (const stats::MeanPoint& p : MeanCurve(measured, arm, metric, axis)) {
    trace.line.push_back({p.x, p.mean});
    if (p.interval) {
      trace.band.push_back({p.x, p.interval->lo, p.interval->hi});
    }
  }
  return trace;
}

report::Trace PaperTrace(const Item& item, int arm, int metric, double x_max) {
  report::Trace trace;
  trace.color = ColorOf(item, arm);
  trace.reference = true;
  const Metric& m = item.metrics[static_cast<std::size_t>(metric)];
  for (const ReferenceRow& row : item.reference[static_cast<std::size_t>(arm)][static_cast<std::size_t>(metric)]) {
    const double middle = (row.from + row.to) / 2;
    if (row.from <= x_max) {
      trace.line.push_back({middle, Middle(row, m)});
      trace.band.push_back({middle, row.lo, row.hi});
    }
  }
  return trace;
}

double XMax(const Measured& measured, std::size_t group) {
  const double end = measured.budget->extents[group].end, least = kLeastUnits * measured.item->x.paper_unit;
  return end < kLeastShare * least ? end : std::max(end, least);
}

// The paper's curves lie along x; along other axes ours are alone.
report::Panel MakePanel(const Measured& measured, const PanelSpec& spec) {
  const Item& item = *measured.item;
  const Metric& m = item.metrics[static_cast<std::size_t>(spec.metric)];
  const XAxis& axis = item.axis(spec.axis);
  const double x_max = XMax(measured, static_cast<std::size_t>(spec.group));
  report::Panel panel;
  panel.title = spec.title;
  panel.x.label = axis.label;
  panel.x.log = spec.log_x;
  if (spec.axis == 0 && !spec.log_x) {
    panel.x.lo = 0.0;
    panel.x.hi = x_max;
  }
  panel.y.label = m.unit.empty() ? m.label : fmt::format("{} ({})", m.label, m.unit);
  panel.y.log = m.log;
  if (!axis.paper_label.empty()) {
    panel.top = report::TopAxis{axis.paper_label, axis.paper_unit, axis.paper_first};
  }
  for (std::size_t a = 0; a < item.arms.size(); ++a) {
    if (item.arms[a].group != spec.group) {
      continue;
    }
    if (spec.axis == 0) {
      panel.traces.push_back(PaperTrace(item, static_cast<int>(a), spec.metric, x_max));
    }
    panel.traces.push_back(OurTrace(measured, static_cast<int>(a), spec.metric, spec.axis));
  }
  return panel;
}

std::vector<report::LegendEntry> MakeLegend(const Item& item) {
  using Style = report::LegendEntry::Style;
  std::vector<report::LegendEntry> legend;
  for (std::size_t a = 0; a < item.arms.size(); ++a) {
    if (const int color = ColorOf(item, static_cast<int>(a)); color == static_cast<int>(a)) {
      legend.push_back({item.arms[a].label, Style::kColor, color});
    }
  }
  legend.push_back({"normlab: mean over seeds, 95 % interval", Style::kOurs});
  legend.push_back({"normlab: one seed", Style::kSeed});
  legend.push_back({"paper", Style::kReference});
  return legend;
}

std::string Describe(const Measured& measured) {
  const Item& item = *measured.item;
  std::string text = fmt::format("{} of the paper. Panels: ", item.place);
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    const Metric& metric = item.metrics[m];
    if (std::none_of(item.panels.begin(), item.panels.end(),
                     [&](const PanelSpec& panel) { return panel.metric == static_cast<int>(m); })) {
      continue;
    }
    text += fmt::format("{} on a {} axis; ", metric.label, metric.log ? "logarithmic" : "linear");
  }
  return text + fmt::format("x: {}. Solid: normlab, budget {}. Dashed: the paper. {}", item.x.label,
                            measured.budget->id, item.note);
}

}  // namespace

int ColorOf(const Item& item, int arm) {
  const std::string& label = item.arms[static_cast<std::size_t>(arm)].label;
  const auto first = std::find_if(item.arms.begin(), item.arms.end(), [&](const Arm& a) { return a.label == label; });
  return static_cast<int>(first - item.arms.begin());
}

std::vector<stats::MeanPoint> MeanCurve(const Measured& measured, int arm, int metric, int axis) {
  std::vector<Curve> curves;
  for (const Run& run : measured.runs[static_cast<std::size_t>(arm)]) {
    if (Curve curve = SelectedCurve(*measured.item, run, metric, axis); !run.diverged(metric) && !curve.x.empty()) {
      curves.push_back(std::move(curve));
    }
  }
  std::vector<const Curve*> pointers;
  for (const Curve& curve : curves) {
    pointers.push_back(&curve);
  }
  auto means = stats::MeanCurve(pointers, measured.item->metrics[static_cast<std::size_t>(metric)].log, kConfidence);
  std::erase_if(means, [](const stats::MeanPoint& point) { return point.x <= 0; });
  return means;
}

report::Figure MakeFigure(const Measured& measured) {
  const Item& item = *measured.item;
  report::Figure figure;
  figure.name = "fig-" + item.id;
  figure.title = fmt::format("{} ({}), budget {}", item.title, item.place, measured.budget->id);
  figure.description = Describe(measured);
  figure.legend = MakeLegend(item);
  // Groups side by side; metrics, if there is but one group.
  figure.columns = item.groups.size() > 1 ? static_cast<int>(item.groups.size()) : 2;
  for (const PanelSpec& panel : item.panels) {
    figure.panels.push_back(MakePanel(measured, panel));
  }
  return figure;
}

}  // namespace normlab::judging
