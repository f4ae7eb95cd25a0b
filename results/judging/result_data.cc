#include "results/judging/result_data.h"

#include <limits>
#include <utility>

#include "results/judging/reference.h"
#include "results/judging/render_figure.h"
#include "results/judging/selection.h"

namespace normlab::judging {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

FigureCurve MeanOf(const Measured& measured, std::size_t a, std::size_t m) {
  FigureCurve curve;
  curve.source = FigureCurve::Source::kMean;
  for (const stats::MeanPoint& p : MeanCurve(measured, static_cast<int>(a), static_cast<int>(m))) {
    curve.x.push_back(p.x);
    curve.value.push_back(p.mean);
    curve.band.push_back(p.interval.value_or(stats::Interval{kNone, kNone}));
  }
  return curve;
}

FigureCurve PaperOf(const ReferenceCurve& rows, const Metric& metric) {
  FigureCurve curve;
  curve.source = FigureCurve::Source::kPaper;
  for (const ReferenceRow& row : rows) {
    curve.x.push_back((row.from + row.to) / 2);
    curve.value.push_back(Middle(row, metric));
    curve.band.push_back({row.lo, row.hi});
  }
  return curve;
}

}  // namespace

std::vector<NamedCell> CellsOf(const Measured& measured) {
  const Item& item = *measured.item;
  std::vector<NamedCell> cells;
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    for (std::size_t a = 0; a < item.arms.size(); ++a) {
      cells.push_back({&item.arms[a], &item.metrics[m], static_cast<int>(m),
                       Summarize(measured, static_cast<int>(a), static_cast<int>(m))});
    }
  }
  return cells;
}

std::vector<FigureCurve> CurvesOf(const Measured& measured) {
  const Item& item = *measured.item;
  std::vector<FigureCurve> curves;
  for (std::size_t a = 0; a < item.arms.size(); ++a) {
    for (std::size_t m = 0; m < item.metrics.size(); ++m) {
      const auto add = [&](FigureCurve curve) {
        if (!curve.x.empty()) {
          curve.arm = &item.arms[a];
          curve.metric = &item.metrics[m];
          curves.push_back(std::move(curve));
        }
      };
      for (const Run& run : measured.runs[a]) {
        Curve selected = SelectedCurve(item, run, static_cast<int>(m));
        FigureCurve curve;
        curve.seed = run.seed;
        curve.repetition =
            item.repeat.field.empty() ? "" : item.repeat.values[static_cast<std::size_t>(run.repetition)];
        curve.x = std::move(selected.x);
        curve.value = std::move(selected.y);
        add(std::move(curve));
      }
      add(MeanOf(measured, a, m));
      add(PaperOf(item.reference[a][m], item.metrics[m]));
    }
  }
  return curves;
}

}  // namespace normlab::judging
