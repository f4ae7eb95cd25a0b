// terminal.cc - aligned plain text, no colour.
#include <fmt/format.h>

#include <algorithm>

#include "results/report/document.h"

namespace normlab::report {
namespace {

constexpr int kTextWidth = 100;

std::string Line(const std::vector<std::string>& cells, const std::vector<Column>& columns,
                 const std::vector<int>& widths) {
  std::string line;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    line.append(c == 0 ? 2 : 3, ' ');
    line += Pad(Printable(cells[c]), widths[c], columns[c].align);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string RenderTable(const Table& table) {
  std::vector<int> widths;
  std::vector<std::string> titles;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    int width = Width(table.columns[c].title);
    for (const Table::Band& band : table.bands) {
      for (const auto& row : band.rows) {
        width = std::max(width, Width(Printable(row[c])));
      }
    }
    widths.push_back(width);
    titles.push_back(table.columns[c].title);
  }
  std::string text = Line(titles, table.columns, widths);
  for (const Table::Band& band : table.bands) {
    text += band.heading.empty() ? "" : Printable(band.heading) + "\n";
    for (const auto& row : band.rows) {
      text += Line(row, table.columns, widths);
    }
  }
  return text;
}

std::string Paragraph(std::string_view text, int indent) {
  std::string paragraph;
  for (const std::string& line : Wrap(Printable(text), kTextWidth - indent)) {
    paragraph += fmt::format("{:{}}{}\n", "", indent, line);
  }
  return paragraph;
}

std::string Limits(const Finding& finding) {
  return finding.limits.empty() ? "" : fmt::format("[{}] ", finding.limits);
}

std::string RenderFinding(const Finding& finding) {
  std::string facts;
  for (const auto& [name, value] : finding.facts) {
    facts += fmt::format("{}{} {}", facts.empty() ? "" : " · ", name, value);
  }
  constexpr int kVerdictWidth = 16;
  std::string text = Paragraph(fmt::format("{}{} ({})", Limits(finding), finding.claim, finding.place), kVerdictWidth);
  text = Pad(finding.verdict, kVerdictWidth, Align::kLeft) + text.substr(kVerdictWidth);
  return text + Paragraph(facts, kVerdictWidth) + Paragraph(finding.reason, kVerdictWidth);
}

// A line a claim, in columns.
std::string RenderLines(const std::vector<Finding>& findings) {
  Table table;
  table.columns = {{"", Align::kLeft}, {"", Align::kLeft}, {"", Align::kLeft}, {"", Align::kLeft}};
  Table::Band& band = table.bands.emplace_back();
  for (const Finding& finding : findings) {
    if (!finding.as_said) {
      band.rows.push_back({finding.verdict, finding.id, finding.effect, finding.n});
    }
  }
  std::string text = RenderTable(table);
  return text.substr(text.find('\n') + 1);  // columns without titles
}

}  // namespace

std::string RenderBrief(const Document& document) {
  std::string text;
  for (const Section& section : document.sections) {
    text += Printable(section.headline) + "\n";
    text += section.brief.columns.empty() ? "" : RenderTable(section.brief);
    std::string counts;
    for (const VerdictCount& count : section.counts) {
      counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count.count, count.verdict);
    }
    text += fmt::format("Claims: {}\n{}", counts.empty() ? "none" : counts, RenderLines(section.findings));
  }
  return text + fmt::format("Details: {}\n", Printable(document.details));
}

std::string RenderTerminal(const Document& document) {
  std::string text = fmt::format("{}\n", Printable(document.title));
  for (const auto& [name, value] : document.about) {
    text += Paragraph(fmt::format("{}: {}", name, value), 2);
  }
  for (const Section& section : document.sections) {
    text += fmt::format("\n{}\n\n", Printable(section.title));
    text += section.table.columns.empty() ? "" : RenderTable(section.table) + "\n";
    for (const std::string& note : section.notes) {
      text += Paragraph(note, 2);
    }
    for (const Finding& finding : section.findings) {
      text += fmt::format("\n{}", RenderFinding(finding));
    }
  }
  return text;
}

}  // namespace normlab::report
