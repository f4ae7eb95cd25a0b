#include "results/judging/render_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "results/judging/computed_by.h"
#include "results/report/csv.h"
#include "results/report/figure.h"
#include "results/report/json.h"
#include "results/report/number.h"
#include "results/stats/downsample.h"

namespace normlab::judging {
namespace {

using report::Align;
using report::Dump;
using report::Format;
using report::Json;
using report::ToJson;

constexpr int kDigits = 4;

std::string Number(std::optional<double> value) { return value ? report::Significant(*value, kDigits) : "–"; }

std::string WithInterval(std::optional<double> value, const std::optional<stats::Interval>& interval) {
  return interval ? fmt::format("{} [{}, {}]", Number(value), Number(interval->lo), Number(interval->hi))
                  : Number(value);
}

std::string PText(double p) { return p < 1e-4 ? "< 0.0001" : report::Significant(p, 2); }

// "3", "2, 1 diverged"
std::string CountText(std::size_t n, int diverged) {
  return diverged == 0 ? fmt::to_string(n) : fmt::format("{}, {} diverged", n, diverged);
}

std::string DifferenceText(const Comparison::Difference& difference) {
  const Evidence& evidence = difference.evidence;
  if (evidence.n == 0) {
    return "–";
  }
  const std::string_view bound = !evidence.bound ? "" : *evidence.estimate < 0 ? "≤ " : "≥ ";
  return fmt::format("{}{}{}", evidence.median ? "median " : "", bound,
                     WithInterval(evidence.estimate, evidence.interval));
}

report::Table MakeTable(const Comparison& comparison) {
  report::Table table;
  table.caption = "What the runs reached";
  table.columns = {{"", Align::kLeft},
                   {"n", Align::kRight},
                   {"at step", Align::kRight},
                   {"mean", Align::kRight},
                   {"best so far", Align::kRight}};
  const bool several = comparison.arms.size() > 1;
  if (several) {
    table.columns.push_back({fmt::format("less {}", comparison.arms.front().label), Align::kRight});
    table.columns.push_back({"pairs", Align::kRight});
    table.columns.push_back({"Holm p", Align::kRight});
  }
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    const Comparison::Row& row = comparison.rows[s];
    const std::string title =
        fmt::format("{}{}", comparison.series[s], row.higher_is_better ? ", higher is better" : "");
    report::Table::Band& band = table.bands.emplace_back(report::Table::Band{title, {}});
    for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
      const Comparison::Cell& cell = row.cells[a];
      const Comparison::Difference& difference = row.differences[a];
      auto& cells = band.rows.emplace_back(std::vector<std::string>{
          comparison.arms[a].label, CountText(cell.values.size(), cell.diverged), fmt::format("{:.0f}", row.at),
          WithInterval(cell.mean, cell.interval), Number(cell.best)});
      if (several) {
        cells.push_back(DifferenceText(difference));
        cells.push_back(
            a == 0 ? "–" : CountText(static_cast<std::size_t>(difference.evidence.n), difference.evidence.diverged));
        cells.push_back(difference.p_holm ? PText(*difference.p_holm) : "–");
      }
    }
  }
  return table;
}

std::vector<std::string> MakeNotes(const Comparison& comparison) {
  std::vector<std::string> notes = {fmt::format(
      "mean: over runs of the last value up to that step, which every run that did not diverge has reached, "
      "with a 95 % interval (Student t below {} runs, from there BCa bootstrap with a pinned generator)",
      stats::kBootstrapFrom)};
  if (comparison.arms.size() > 1) {
    notes.push_back(fmt::format(
        "Differences are between runs of the same seed, and judged as a paper's claims are: Student's t, "
        "adjusted for all rows (Holm), from {} pairs on. A run that diverged is worse than any number: then "
        "the median difference stands there, and the exact permutation test of all runs' ranks. Lower is "
        "better where nothing else is said",
        kMinSeeds));
  }
  if (!comparison.repeats.empty()) {
    notes.push_back(fmt::format("Left out: {}", fmt::join(comparison.repeats, ", ")));
  }
  std::vector<ComputedRun> runs;
  for (const ComparedJob& job : comparison.jobs) {
    runs.push_back({job.name, job.computed_by});
  }
  if (std::string note = ComputedByNote(runs); !note.empty()) {
    notes.push_back(std::move(note));
  }
  return notes;
}

report::Table MakeRunTable(const Comparison& comparison) {
  report::Table table;
  table.caption = "Runs behind it";
  table.columns = {{"arm", Align::kLeft}, {"seed", Align::kRight}, {"job", Align::kLeft}, {"state", Align::kLeft}};
  report::Table::Band& band = table.bands.emplace_back();
  for (const Comparison::Arm& arm : comparison.arms) {
    for (const std::size_t j : arm.jobs) {
      const ComparedJob& job = comparison.jobs[j];
      band.rows.push_back({arm.label, fmt::to_string(job.seed), job.name, job.state});
    }
  }
  return table;
}

report::Trace MakeTrace(const Comparison& comparison, std::size_t arm, std::size_t series, bool log_y) {
  const std::size_t most = stats::PointsPerLine(comparison.jobs.size());
  report::Trace trace;
  trace.color = static_cast<int>(arm);
  std::vector<const stats::Curve*> whole;
  for (const std::size_t j : comparison.arms[arm].jobs) {
    const ComparedJob& job = comparison.jobs[j];
    const stats::Curve& curve = job.curves[series];
    if (curve.x.empty()) {
      continue;
    }
    std::vector<report::Point>& points = trace.thin.emplace_back();
    for (const std::size_t i : stats::MinMax(curve.y, most)) {
      points.push_back({curve.x[i], curve.y[i]});
    }
    if (job.diverged) {
      const std::size_t last = stats::LastFinite(curve.y).value_or(0);  // or where it began, if it never was finite
      trace.ends.push_back({curve.x[last], curve.y[last]});
    } else {
      whole.push_back(&curve);
    }
  }
  if (comparison.arms[arm].jobs.size() == 1 && !whole.empty()) {
    trace.thin.clear();  // the mean of one run is that run
  }
  const auto means = stats::MeanCurve(whole, log_y, kConfidence);
  std::vector<double> values(means.size());
  std::transform(means.begin(), means.end(), values.begin(), [](const stats::MeanPoint& point) { return point.mean; });
  for (const std::size_t i : means.empty() ? std::vector<std::size_t>() : stats::MinMax(values, most)) {
    trace.line.push_back({means[i].x, means[i].mean});
    if (means[i].interval) {
      trace.band.push_back({means[i].x, means[i].interval->lo, means[i].interval->hi});
    }
  }
  return trace;
}

report::Figure MakeFigure(const Comparison& comparison, bool log_y) {
  using Style = report::LegendEntry::Style;
  report::Figure figure;
  figure.name = "fig-jobs";
  figure.title = comparison.jobs.size() == 1
                     ? comparison.jobs.front().name
                     : fmt::format("{} runs, {} arm{}", comparison.jobs.size(), comparison.arms.size(),
                                   comparison.arms.size() == 1 ? "" : "s");
  figure.description = fmt::format("Curves of {} over updates.", fmt::join(comparison.series, ", "));
  for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
    figure.legend.push_back({comparison.arms[a].label, Style::kColor, static_cast<int>(a)});
  }
  if (comparison.jobs.size() > comparison.arms.size()) {
    figure.legend.push_back({"mean over seeds, 95 % interval", Style::kOurs});
    figure.legend.push_back({"one seed", Style::kSeed});
  }
  figure.columns = comparison.series.size() == 1 ? 1 : 2;
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    report::Panel& panel = figure.panels.emplace_back();
    panel.title = comparison.series[s];
    panel.x.label = "updates";
    panel.y.label = comparison.series[s];
    panel.y.log = log_y;
    for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
      panel.traces.push_back(MakeTrace(comparison, a, s, log_y));
    }
  }
  return figure;
}

report::Document MakeDocument(const Comparison& comparison) {
  report::Document document;
  document.title = "Jobs side by side";
  std::vector<std::string> names;
  for (const ComparedJob& job : comparison.jobs) {
    names.push_back(job.name);
  }
  document.about.emplace_back("jobs", fmt::to_string(comparison.jobs.size()));
  document.about.emplace_back("arms", fmt::to_string(comparison.arms.size()));
  std::vector<std::string> higher;
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    if (comparison.rows[s].higher_is_better) {
      higher.push_back(comparison.series[s]);
    }
  }
  document.command =
      fmt::format("normlab compare {} --series {}{}{}", fmt::join(names, " "), fmt::join(comparison.series, ","),
                  higher.empty() ? "" : " --higher-is-better ", fmt::join(higher, ","));
  document.sections.push_back({.id = "jobs",
                               .title = "Comparison",
                               .budget = {},
                               .counts = {},
                               .table = MakeTable(comparison),
                               .notes = MakeNotes(comparison),
                               .pictures = {},
                               .findings = {},
                               .runs = MakeRunTable(comparison)});
  return document;
}

using VisitCell = std::function<void(const std::string& series, const Comparison::Row&, const Comparison::Arm&,
                                     const Comparison::Cell&, const Comparison::Difference&)>;

void ForEachCell(const Comparison& comparison, const VisitCell& visit) {
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    const Comparison::Row& row = comparison.rows[s];
    for (std::size_t a = 0; a < comparison.arms.size(); ++a) {
      visit(comparison.series[s], row, comparison.arms[a], row.cells[a], row.differences[a]);
    }
  }
}

std::string_view BetterText(const Comparison::Row& row) { return row.higher_is_better ? "higher" : "lower"; }

std::string TableCsv(const Comparison& comparison) {
  report::CsvWriter csv;
  for (const char* name :
       {"series", "better", "arm", "at_step", "n", "diverged", "mean", "interval_lo", "interval_hi", "best", "pairs",
        "difference", "difference_lo", "difference_hi", "method", "p", "p_exact", "p_holm"}) {
    csv.Text(name);
  }
  csv.EndRow();
  const auto lo = [](const auto& interval) { return interval ? std::optional(interval->lo) : std::nullopt; };
  const auto hi = [](const auto& interval) { return interval ? std::optional(interval->hi) : std::nullopt; };
  ForEachCell(comparison, [&](const std::string& series, const Comparison::Row& row, const Comparison::Arm& arm,
                              const Comparison::Cell& cell, const Comparison::Difference& difference) {
    csv.Text(series).Text(BetterText(row)).Text(arm.label).Number(row.at);
    csv.Number(static_cast<double>(cell.values.size())).Number(cell.diverged);
    csv.Number(cell.mean).Number(lo(cell.interval)).Number(hi(cell.interval)).Number(cell.best);
    const Evidence& evidence = difference.evidence;
    csv.Number(evidence.n).Number(evidence.estimate).Number(lo(evidence.interval)).Number(hi(evidence.interval));
    csv.Text(ToString(evidence.method)).Number(evidence.p).Number(evidence.p_exact).Number(difference.p_holm);
    csv.EndRow();
  });
  return csv.Take();
}

Json ToJson(const std::optional<stats::Interval>& interval) {
  return interval ? Json{report::ToJson(interval->lo), report::ToJson(interval->hi)} : Json(nullptr);
}

Json ArmsJson(const Comparison& comparison) {
  Json arms = Json::array();
  for (const Comparison::Arm& arm : comparison.arms) {
    Json runs = Json::array();
    for (const std::size_t j : arm.jobs) {
      const ComparedJob& job = comparison.jobs[j];
      runs.push_back({{"job_id", job.name}, {"seed", job.seed}, {"state", job.state}});
    }
    arms.push_back({{"arm", arm.label}, {"runs", std::move(runs)}});
  }
  return arms;
}

std::string TableJson(const Comparison& comparison) {
  Json cells = Json::array();
  ForEachCell(comparison, [&](const std::string& series, const Comparison::Row& row, const Comparison::Arm& arm,
                              const Comparison::Cell& cell, const Comparison::Difference& difference) {
    Json values = Json::array();
    for (const double value : cell.values) {
      values.push_back(ToJson(value));
    }
    cells.push_back({{"series", series},
                     {"better", BetterText(row)},
                     {"arm", arm.label},
                     {"at_step", static_cast<std::uint64_t>(row.at)},
                     {"n", cell.values.size()},
                     {"diverged", cell.diverged},
                     {"mean", ToJson(cell.mean)},
                     {"interval", ToJson(cell.interval)},
                     {"best", ToJson(cell.best)},
                     {"values", std::move(values)},
                     {"pairs", difference.evidence.n},
                     {"difference", ToJson(difference.evidence.estimate)},
                     {"difference_kind", difference.evidence.median ? "median" : "mean"},
                     {"difference_interval", ToJson(difference.evidence.interval)},
                     {"method", ToString(difference.evidence.method)},
                     {"p", ToJson(difference.evidence.p)},
                     {"p_exact", ToJson(difference.evidence.p_exact)},
                     {"p_holm", ToJson(difference.p_holm)}});
  });
  return Dump({{"schema", 2},
               {"confidence", kConfidence},
               {"arms", ArmsJson(comparison)},
               {"cells", std::move(cells)},
               {"left_out", comparison.repeats}});
}

std::string PlotCsv(const Comparison& comparison) {
  report::CsvWriter csv;
  for (const char* name : {"series", "arm", "job", "seed", "step", "value"}) {
    csv.Text(name);
  }
  csv.EndRow();
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    for (const Comparison::Arm& arm : comparison.arms) {
      for (const std::size_t j : arm.jobs) {
        const ComparedJob& job = comparison.jobs[j];
        for (std::size_t i = 0; i < job.curves[s].x.size(); ++i) {
          csv.Text(comparison.series[s]).Text(arm.label).Text(job.name).Text(fmt::to_string(job.seed));
          csv.Number(job.curves[s].x[i]).Number(job.curves[s].y[i]).EndRow();
        }
      }
    }
  }
  return csv.Take();
}

std::string PlotJson(const Comparison& comparison) {
  Json curves = Json::array();
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    for (const Comparison::Arm& arm : comparison.arms) {
      for (const std::size_t j : arm.jobs) {
        const stats::Curve& curve = comparison.jobs[j].curves[s];
        Json values = Json::array();
        for (const double value : curve.y) {
          values.push_back(ToJson(value));
        }
        curves.push_back({{"series", comparison.series[s]},
                          {"arm", arm.label},
                          {"job_id", comparison.jobs[j].name},
                          {"seed", comparison.jobs[j].seed},
                          {"steps", std::vector<std::uint64_t>(curve.x.begin(), curve.x.end())},
                          {"values", std::move(values)}});
      }
    }
  }
  return Dump({{"schema", 1}, {"curves", std::move(curves)}});
}

}  // namespace

absl::StatusOr<std::string> RenderTable(const Comparison& comparison, Format format) {
  if (format == Format::kCsv) {
    return TableCsv(comparison);
  }
  if (format == Format::kJson) {
    return TableJson(comparison);
  }
  report::Document document = MakeDocument(comparison);
  if (format == Format::kHtml) {
    document.sections.front().pictures.push_back(
        {.name = "jobs", .caption = "Curves over updates.", .svg = report::RenderSvg(MakeFigure(comparison, false))});
  }
  std::optional<std::string> content = report::RenderAs(document, format);
  return content ? absl::StatusOr<std::string>(std::move(*content))
                 : report::WrongFormat("comparison", "terminal, markdown, latex, csv, json, html");
}

absl::StatusOr<std::string> RenderPlot(const Comparison& comparison, bool log_y, Format format) {
  switch (format) {
    case Format::kSvg:
      return report::RenderSvg(MakeFigure(comparison, log_y));
    case Format::kCsv:
      return PlotCsv(comparison);
    case Format::kJson:
      return PlotJson(comparison);
    default:
      return report::WrongFormat("plot", "svg, csv, json");
  }
}

}  // namespace normlab::judging
