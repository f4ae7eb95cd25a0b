#include "results/judging/render_matrix.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/cell.h"
#include "results/judging/format_value.h"

namespace normlab::judging {
namespace {

using report::Align;

// What an arm's cell says: absent without a run.
struct Word {
  std::string text;
  Range range;
};

std::optional<Word> WordOf(const Measured& measured, int arm, int metric) {
  const auto range = RangeOver(measured, arm, metric);
  if (!range) {
    return std::nullopt;
  }
  const MatrixWords& words = *measured.item->matrix;
  return Word{range->hi < words.below ? words.yes : words.no, *range};
}

std::string CellOf(const Measured& measured, int arm, int metric) {
  const auto word = WordOf(measured, arm, metric);
  if (!word) {
    return "NOT_RUN";
  }
  const Metric& m = measured.item->metrics[static_cast<std::size_t>(metric)];
  const double below = measured.item->matrix->below;
  return word->range.hi < below ? fmt::format("{} (≤ {})", word->text, ValueText(m, word->range.hi))
         : word->range.lo >= below
             ? fmt::format("{} (≥ {})", word->text, ValueText(m, word->range.lo))
             : fmt::format("{} ({} to {})", word->text, ValueText(m, word->range.lo), ValueText(m, word->range.hi));
}

// The first claim about a cell: later ones are about what the text says of it.
const Claim* ClaimOf(const Item& item, int arm, int metric) {
  const auto found = std::find_if(item.claims.begin(), item.claims.end(),
                                  [&](const Claim& c) { return c.arm == arm && c.metric == metric; });
  return found == item.claims.end() ? nullptr : &*found;
}

// "Invariant", or "Invariant ≠" where the measured word is another.
std::string PaperCell(const Measured& measured, int arm, int metric) {
  const Item& item = *measured.item;
  const Claim* claim = ClaimOf(item, arm, metric);
  if (claim == nullptr) {
    return "–";
  }
  const std::string& printed = claim->kind == ClaimKind::kBelow ? item.matrix->yes : item.matrix->no;
  const auto word = WordOf(measured, arm, metric);
  return word && word->text != printed ? printed + " ≠" : printed;
}

std::optional<std::string> PlacePrinted(const Item& item, int arm) {
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    if (const Claim* claim = ClaimOf(item, arm, static_cast<int>(m))) {
      return claim->place;
    }
  }
  return std::nullopt;
}

// Labels of arms, each once: the columns of a brief matrix.
std::vector<std::string> Labels(const Item& item) {
  std::vector<std::string> labels;
  for (const Arm& arm : item.arms) {
    if (std::find(labels.begin(), labels.end(), arm.label) == labels.end()) {
      labels.push_back(arm.label);
    }
  }
  return labels;
}

std::string BriefCell(const Measured& measured, int arm, int metric) {
  const auto word = WordOf(measured, arm, metric);
  if (!word) {
    return "–";
  }
  return PaperCell(measured, arm, metric).ends_with("≠") ? word->text + " ≠" : word->text;
}

}  // namespace

report::Table MakeBriefMatrix(const Measured& measured) {
  const Item& item = *measured.item;
  const std::vector<std::string> labels = Labels(item);
  report::Table table;
  table.columns.push_back({"", Align::kLeft});
  for (const std::string& label : labels) {
    table.columns.push_back({label, Align::kLeft});
  }
  for (std::size_t g = 0; g < item.groups.size(); ++g) {
    report::Table::Band& band = table.bands.emplace_back();
    band.heading = item.groups[g].label;
    for (std::size_t m = 0; m < item.metrics.size(); ++m) {
      std::vector<std::string>& row = band.rows.emplace_back(labels.size() + 1, "");
      row.front() = item.metrics[m].label;
      for (std::size_t a = 0; a < item.arms.size(); ++a) {
        if (item.arms[a].group == static_cast<int>(g)) {
          const auto column = std::find(labels.begin(), labels.end(), item.arms[a].label) - labels.begin();
          row[static_cast<std::size_t>(column) + 1] = BriefCell(measured, static_cast<int>(a), static_cast<int>(m));
        }
      }
    }
  }
  return table;
}

report::Table MakeMatrixTable(const Measured& measured) {
  const Item& item = *measured.item;
  report::Table table;
  table.caption = fmt::format("{} ({}): {}", item.title, item.place, item.matrix->caption);
  table.columns.push_back({"", Align::kLeft});
  for (const Metric& metric : item.metrics) {
    table.columns.push_back({metric.label, Align::kLeft});
  }
  for (std::size_t g = 0; g < item.groups.size(); ++g) {
    report::Table::Band band;
    band.heading = item.groups[g].label;
    for (std::size_t a = 0; a < item.arms.size(); ++a) {
      const int arm = static_cast<int>(a);
      if (item.arms[a].group != static_cast<int>(g)) {
        continue;
      }
      const auto place = PlacePrinted(item, arm);
      std::vector<std::string> measured_row{item.arms[a].label}, printed_row{place.value_or("")};
      for (std::size_t m = 0; m < item.metrics.size(); ++m) {
        measured_row.push_back(CellOf(measured, arm, static_cast<int>(m)));
        printed_row.push_back(PaperCell(measured, arm, static_cast<int>(m)));
      }
      band.rows.push_back(std::move(measured_row));
      if (place) {
        band.rows.push_back(std::move(printed_row));
      }
    }
    table.bands.push_back(std::move(band));
  }
  return table;
}

}  // namespace normlab::judging
