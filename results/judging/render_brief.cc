#include "results/judging/render_brief.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/format_value.h"
#include "results/judging/render_matrix.h"

namespace normlab::judging {
namespace {

using report::Align;

std::vector<std::string> ArmRow(const Measured& measured, int arm) {
  const Item& item = *measured.item;
  std::vector<std::string> row{item.arms[static_cast<std::size_t>(arm)].label};
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    const Cell cell = Summarize(measured, arm, static_cast<int>(m));
    row.push_back(CellText(item.metrics[m], cell));
    row.push_back(cell.paper ? BandText(item.metrics[m], *cell.paper) : "–");
  }
  return row;
}

}  // namespace

std::string Headline(const Measured& measured) {
  const Item& item = *measured.item;
  const std::string of = fmt::format("{} ({})", item.title, item.place);
  if (!item.not_run.empty()) {
    return of;
  }
  return measured.not_run.empty()
             ? fmt::format("{}, budget {}, protocol {}", of, measured.budget->id, ToString(measured.protocol.tier))
             : fmt::format("{}: {}", of, measured.not_run);
}

report::Table MakeBriefTable(const Measured& measured) {
  const Item& item = *measured.item;
  if (item.table) {
    return item.in_words() ? MakeBriefMatrix(measured) : MakeMatrixTable(measured);
  }
  report::Table table;
  table.columns.push_back({"", Align::kLeft});
  for (const Metric& metric : item.metrics) {
    table.columns.push_back(
        {metric.unit.empty() ? metric.label : fmt::format("{} ({})", metric.label, metric.unit), Align::kRight});
    table.columns.push_back({"paper", Align::kRight});
  }
  for (std::size_t g = 0; g < item.groups.size(); ++g) {
    report::Table::Band& band = table.bands.emplace_back();
    band.heading = item.groups[g].label;
    for (std::size_t a = 0; a < item.arms.size(); ++a) {
      if (item.arms[a].group == static_cast<int>(g)) {
        band.rows.push_back(ArmRow(measured, static_cast<int>(a)));
      }
    }
  }
  return table;
}

std::string EffectLine(const Measured& measured, const Judgement& j) {
  if (j.evidence.estimate) {
    return EffectText(measured.item->metrics[static_cast<std::size_t>(j.claim->metric)], j);
  }
  // Its first clause says it; what holds of the whole item is said above.
  return measured.not_run.empty() ? j.reason.substr(0, j.reason.find_first_of(";:")) : "";
}

std::string RunsLine(const Measured& measured, const Judgement& j) {
  std::string text = j.evidence.n > 0 ? fmt::format("n {}", j.evidence.n) : "";
  if (j.evidence.diverged > 0) {
    text += fmt::format(", {} diverged", j.evidence.diverged);
  }
  if (j.evidence.censored > 0) {
    text += fmt::format(", {} censored", j.evidence.censored);
  }
  return j.tier == measured.protocol.tier || text.empty() ? text : fmt::format("{}, {}", text, ToString(j.tier));
}

}  // namespace normlab::judging
