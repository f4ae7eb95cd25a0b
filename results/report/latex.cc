// latex.cc - a fragment for \input: booktabs tables, figures left to the SVG, claims as a description list.
#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "results/report/document.h"

namespace normlab::report {
namespace {

constexpr std::string_view kSuperscripts[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "⁻"};
constexpr std::string_view kPlain = "0123456789-";

// The superscript at the front of `text` as a plain character, and its length; 0 for none.
std::pair<char, std::size_t> TakeSuperscript(std::string_view text) {
  for (std::size_t i = 0; i < kPlain.size(); ++i) {
    if (text.starts_with(kSuperscripts[i])) {
      return {kPlain[i], kSuperscripts[i].size()};
    }
  }
  return {' ', 0};
}

const std::map<std::string_view, std::string_view>& Replacements() {
  static const auto* map = new std::map<std::string_view, std::string_view>{{"\\", "\\textbackslash{}"},
                                                                            {"{", "\\{"},
                                                                            {"}", "\\}"},
                                                                            {"$", "\\$"},
                                                                            {"&", "\\&"},
                                                                            {"#", "\\#"},
                                                                            {"%", "\\%"},
                                                                            {"_", "\\_"},
                                                                            {"~", "\\textasciitilde{}"},
                                                                            {"^", "\\textasciicircum{}"},
                                                                            {"<", "\\textless{}"},
                                                                            {">", "\\textgreater{}"},
                                                                            {"|", "\\textbar{}"},
                                                                            {"\n", " "},
                                                                            {"[", "{[}"},
                                                                            {"]", "{]}"},
                                                                            {"×", "$\\times$"},
                                                                            {"±", "$\\pm$"},
                                                                            {"−", "$-$"},
                                                                            {"–", "--"},
                                                                            {"·", "$\\cdot$"},
                                                                            {"\"", "''"},
                                                                            {"≤", "$\\leq$"},
                                                                            {"≥", "$\\geq$"},
                                                                            {"≠", "$\\neq$"}};
  return *map;
}

// Text for LaTeX. What it cannot set without further packages becomes "?".
std::string Escape(std::string_view utf8) {
  std::string escaped, superscript;
  const std::string clean = Printable(utf8);
  for (std::string_view rest = clean; !rest.empty();) {
    if (const auto [plain, length] = TakeSuperscript(rest); length > 0) {
      superscript += plain;
      rest.remove_prefix(length);
      continue;
    }
    if (!superscript.empty()) {
      escaped += fmt::format("$^{{{}}}$", superscript);
      superscript.clear();
    }
    const std::string_view before = rest;
    const char32_t c = TakeCodePoint(rest);
    const std::string_view bytes = before.substr(0, before.size() - rest.size());
    const auto replacement = Replacements().find(bytes);
    // Latin letters with accents are set by every LaTeX of the last years; other scripts are not.
    escaped += replacement != Replacements().end() ? replacement->second : c < 0x180 ? bytes : "?";
  }
  return superscript.empty() ? escaped : fmt::format("{}$^{{{}}}$", escaped, superscript);
}

std::string Row(const std::vector<std::string>& cells) {
  std::vector<std::string> escaped;
  for (const std::string& cell : cells) {
    escaped.push_back(Escape(cell));
  }
  return fmt::format("{} \\\\\n", fmt::join(escaped, " & "));
}

std::string RenderTable(const Section& section) {
  constexpr std::size_t kTextWidthColumns = 6;  // more are scaled to the width of the text
  const Table& table = section.table;
  const bool wide = table.columns.size() > kTextWidthColumns;
  std::string columns;
  std::vector<std::string> titles;
  for (const Column& column : table.columns) {
    columns += column.align == Align::kLeft ? 'l' : 'r';
    titles.push_back(column.title);
  }
  std::string text = fmt::format(
      "\\begin{{table}}\n\\centering\\small\n\\caption{{{}}}\n\\label{{tab:{}}}\n{}\\begin{{tabular}}{{{}}}"
      "\n\\toprule\n"
      "{}",
      Escape(table.caption), section.id, wide ? "\\resizebox{\\linewidth}{!}{%\n" : "", columns, Row(titles));
  for (const Table::Band& band : table.bands) {
    text += "\\midrule\n";
    if (!band.heading.empty()) {
      text +=
          fmt::format("\\multicolumn{{{}}}{{l}}{{\\textit{{{}}}}} \\\\\n", table.columns.size(), Escape(band.heading));
    }
    for (const auto& row : band.rows) {
      text += Row(row);
    }
  }
  text += wide ? "\\bottomrule\n\\end{tabular}}\n" : "\\bottomrule\n\\end{tabular}\n";
  for (const std::string& note : section.notes) {
    text += fmt::format("\\par\\smallskip\\begin{{minipage}}{{\\linewidth}}\\footnotesize {}\\end{{minipage}}\n",
                        Escape(note));
  }
  return text + "\\end{table}\n";
}

std::string RenderFinding(const Finding& finding) {
  std::string facts;
  for (const auto& [name, value] : finding.facts) {
    facts += fmt::format("{}{} {}", facts.empty() ? "" : "; ", Escape(name), Escape(value));
  }
  const std::string limits = finding.limits.empty() ? "" : fmt::format(" ({})", finding.limits);
  return fmt::format("\\item[{{{}}}{}] {} ({}). {}{}{}.\n", Escape(finding.verdict), Escape(limits),
                     Escape(finding.claim), Escape(finding.place), facts, facts.empty() ? "" : ". ",
                     Escape(finding.reason));
}

}  // namespace

std::string RenderLatex(const Document& document) {
  std::string text = "% Needs \\usepackage{booktabs}, \\usepackage{graphicx} and \\usepackage[utf8]{inputenc}.\n";
  for (const auto& [name, value] : document.about) {
    text += fmt::format("% {}: {}\n", Printable(name), fmt::join(Wrap(Printable(value), 100), "\n%   "));
  }
  text += fmt::format("% {}\n", Printable(document.command));
  for (const Section& section : document.sections) {
    text += section.table.columns.empty() ? fmt::format("\\paragraph{{{}}}\n", Escape(section.title))
                                          : RenderTable(section);
    if (!section.findings.empty()) {
      text += "\\begin{description}\n";
      for (const Finding& finding : section.findings) {
        text += RenderFinding(finding);
      }
      text += "\\end{description}\n";
    }
  }
  return text;
}

}  // namespace normlab::report
