#include "results/judging/render_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
  const PrintedTable::Words& words = *measured.item->table->words;
  if (std::isnan(range->hi)) {
    return Word{"diverged", *range};
  }
  return Word{range->hi < words.below ? words.yes : words.no, *range};
}

std::string WordCell(const Measured& measured, int arm, int metric) {
  const auto word = WordOf(measured, arm, metric);
  if (!word) {
    return "NOT_RUN";
  }
  const Metric& m = measured.item->metrics[static_cast<std::size_t>(metric)];
  if (std::isnan(word->range.hi)) {
    return word->text;
  }
  const double below = measured.item->table->words->below;
  return word->range.hi < below ? fmt::format("{} (≤ {})", word->text, ValueText(m, word->range.hi))
         : word->range.lo >= below
             ? fmt::format("{} (≥ {})", word->text, ValueText(m, word->range.lo))
             : fmt::format("{} ({} to {})", word->text, ValueText(m, word->range.lo), ValueText(m, word->range.hi));
}

std::string OurCell(const Measured& measured, int arm, int metric) {
  if (measured.item->in_words()) {
    return WordCell(measured, arm, metric);
  }
  const Cell cell = Summarize(measured, arm, metric);
  return cell.submitted == 0 ? "NOT_RUN" : CellText(measured.item->metrics[static_cast<std::size_t>(metric)], cell);
}

// The first claim about a cell: later ones are about what the text says of it.
const Claim* ClaimOf(const Item& item, int arm, int metric) {
  const auto found = std::find_if(item.claims.begin(), item.claims.end(),
                                  [&](const Claim& c) { return c.arm == arm && c.metric == metric; });
  return found == item.claims.end() ? nullptr : &*found;
}

// Not what the claim of a cell says: another word, or the same with values beyond the claim's own bound.
bool Differs(const Claim& claim, const Word& word, std::string_view printed) {
  return word.text != printed ||
         (claim.kind == ClaimKind::kBelow ? !(word.range.hi < claim.bound) : !(word.range.hi > claim.bound));
}

// A number as it is printed; "Invariant", or "Invariant ≠" where it is not what was measured.
std::string PaperCell(const Measured& measured, int arm, int metric) {
  const Item& item = *measured.item;
  if (!item.in_words()) {
    const std::string printed = item.table->Printed(arm, metric);
    return printed.empty() ? "–" : printed;
  }
  const Claim* claim = ClaimOf(item, arm, metric);
  if (claim == nullptr) {
    return "–";
  }
  const PrintedTable::Words& words = *item.table->words;
  const std::string& printed = claim->kind == ClaimKind::kBelow ? words.yes : words.no;
  const auto word = WordOf(measured, arm, metric);
  return word && Differs(*claim, *word, printed) ? printed + " ≠" : printed;
}

// Where the paper prints something of the arm; absent: nowhere.
std::optional<std::string> PlacePrinted(const Item& item, int arm) {
  for (const int metric : item.table->columns) {
    if (const Claim* claim = item.in_words() ? ClaimOf(item, arm, metric) : nullptr) {
      return claim->place;
    }
    if (!item.table->Printed(arm, metric).empty()) {
      return item.table->place;
    }
  }
  return std::nullopt;
}

// Labels of arms, each once: the columns of a brief matrix.
std::vector<std::string> LabelsOf(const Item& item) {
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

// What the paper prints of others, under a heading of its own.
void AddForeignRows(const PrintedTable& printed, report::Table& table) {
  report::Table::Band band;
  band.heading = fmt::format("{}, not run here", printed.place);
  for (const PrintedTable::Row& row : printed.rows) {
    if (row.arm < 0) {
      std::vector<std::string>& cells = band.rows.emplace_back(1, row.label);
      for (const std::string& cell : row.cells) {
        cells.push_back(cell.empty() ? "–" : cell);
      }
    }
  }
  if (!band.rows.empty()) {
    table.bands.push_back(std::move(band));
  }
}

}  // namespace

report::Table MakeBriefMatrix(const Measured& measured) {
  const Item& item = *measured.item;
  const std::vector<std::string> labels = LabelsOf(item);
  report::Table table;
  table.columns.push_back({"", Align::kLeft});
  for (const std::string& label : labels) {
    table.columns.push_back({label, Align::kLeft});
  }
  for (std::size_t g = 0; g < item.groups.size(); ++g) {
    report::Table::Band& band = table.bands.emplace_back();
    band.heading = item.groups[g].label;
    for (const int metric : item.table->columns) {
      std::vector<std::string>& row = band.rows.emplace_back(labels.size() + 1, "");
      row.front() = item.metrics[static_cast<std::size_t>(metric)].label;
      for (std::size_t a = 0; a < item.arms.size(); ++a) {
        if (item.arms[a].group == static_cast<int>(g)) {
          const auto column = std::find(labels.begin(), labels.end(), item.arms[a].label) - labels.begin();
          row[static_cast<std::size_t>(column) + 1] = BriefCell(measured, static_cast<int>(a), metric);
        }
      }
    }
  }
  return table;
}

report::Table MakeMatrixTable(const Measured& measured) {
  const Item& item = *measured.item;
  const PrintedTable& printed = *item.table;
  report::Table table;
  table.caption = printed.caption.empty() ? fmt::format("{} ({})", item.title, printed.place)
                                          : fmt::format("{} ({}): {}", item.title, printed.place, printed.caption);
  const Align align = printed.words ? Align::kLeft : Align::kRight;
  table.columns.push_back({"", Align::kLeft});
  for (const int metric : printed.columns) {
    table.columns.push_back({item.metrics[static_cast<std::size_t>(metric)].label, align});
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
      for (const int metric : printed.columns) {
        measured_row.push_back(OurCell(measured, arm, metric));
        printed_row.push_back(PaperCell(measured, arm, metric));
      }
      band.rows.push_back(std::move(measured_row));
      if (place) {
        band.rows.push_back(std::move(printed_row));
      }
    }
    table.bands.push_back(std::move(band));
  }
  AddForeignRows(printed, table);
  return table;
}

}  // namespace normlab::judging
