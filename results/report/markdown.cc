// markdown.cc - GitHub-flavoured Markdown.
#include <fmt/format.h>

#include "results/report/document.h"

namespace normlab::report {
namespace {

// Characters with a meaning to Markdown or HTML are escaped, line breaks become blanks.
std::string Escape(std::string_view text) {
  constexpr std::string_view kSpecial = "\\`*_{}[]<>#|~&$";
  std::string escaped;
  for (char c : Printable(text)) {
    if (kSpecial.find(c) != std::string_view::npos) {
      escaped += '\\';
    }
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string Row(const std::vector<std::string>& cells) { return fmt::format("| {} |\n", fmt::join(cells, " | ")); }

std::string RenderTable(const Table& table) {
  std::vector<std::string> titles, rules;
  for (const Column& column : table.columns) {
    titles.push_back(Escape(column.title));
    rules.push_back(column.align == Align::kLeft ? ":---" : "---:");
  }
  std::string text = Row(titles) + Row(rules);
  for (const Table::Band& band : table.bands) {
    if (!band.heading.empty()) {
      std::vector<std::string> heading(table.columns.size());
      heading[0] = fmt::format("**{}**", Escape(band.heading));
      text += Row(heading);
    }
    for (const auto& row : band.rows) {
      std::vector<std::string> cells;
      for (const std::string& cell : row) {
        cells.push_back(Escape(cell));
      }
      text += Row(cells);
    }
  }
  return text + "\n";
}

// A line a claim.
std::string RenderClaims(const std::vector<Finding>& findings) {
  Table table;
  table.columns = {{"verdict", Align::kLeft}, {"claim", Align::kLeft}, {"", Align::kRight}, {"", Align::kRight}};
  Table::Band& band = table.bands.emplace_back();
  for (const Finding& finding : findings) {
    band.rows.push_back({finding.verdict, finding.claim, finding.effect, finding.n});
  }
  return RenderTable(table);
}

std::string Limits(const Finding& finding) {
  return finding.limits.empty() ? "" : fmt::format(" ({})", Escape(finding.limits));
}

std::string RenderFinding(const Finding& finding) {
  std::string text = fmt::format("- **{}**{} {} ({})  \n", Escape(finding.verdict), Limits(finding),
                                 Escape(finding.claim), Escape(finding.place));
  std::string facts;
  for (const auto& [name, value] : finding.facts) {
    facts += fmt::format("{}{} {}", facts.empty() ? "" : " · ", Escape(name), Escape(value));
  }
  if (!facts.empty()) {
    text += fmt::format("  {}  \n", facts);
  }
  return text + fmt::format("  {}.{}{}\n", Escape(finding.reason),
                            finding.rule.empty() ? "" : " Rule: ", Escape(finding.rule));
}

}  // namespace

std::string RenderMarkdown(const Document& document) {
  std::string text = fmt::format("# {}\n\n", Escape(document.title));
  for (const auto& [name, value] : document.about) {
    text += fmt::format("- {}: {}\n", Escape(name), Escape(value));
  }
  if (!document.command.empty()) {
    text += fmt::format("\nRegenerate with\n\n    {}\n", Printable(document.command));
  }
  for (const Section& section : document.sections) {
    text += fmt::format("\n## {}\n\n", Escape(section.title)) +
            (section.table.columns.empty() ? "" : RenderTable(section.table));
    for (const std::string& note : section.notes) {
      text += Escape(note) + "\n\n";
    }
    if (!section.findings.empty()) {
      text += RenderClaims(section.findings) + "<details><summary>How each was judged</summary>\n\n";
      for (const Finding& finding : section.findings) {
        text += RenderFinding(finding);
      }
      text += "\n</details>\n";
    }
  }
  return text;
}

}  // namespace normlab::report
