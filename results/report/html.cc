// html.cc - one page that needs nothing else.
#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "results/report/document.h"
#include "results/report/svg_writer.h"

namespace normlab::report {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--ink:#1a1a1a;--dim:#5a5f66;--page:#fff;--line:#d8dbe0;--soft:#f5f6f8;
--good:#00694d;--part:#0a5d94;--bad:#a83c00;--open:#5a5f66}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--dim:#a3a9b3;--page:#16181c;--line:#33373d;--soft:#1e2126;
--good:#4fd0a8;--part:#7cc4f0;--bad:#ff9d63;--open:#a3a9b3}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1020px;padding:32px 24px 64px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:20px;margin:40px 0 12px;padding-top:16px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:28px 0 8px}
dl.about{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:12px 0;color:var(--dim)}
dl.about dt{font-weight:600}dl.about dd{margin:0}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:10px 12px;overflow-x:auto;font-size:13px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
caption{text-align:left;color:var(--dim);padding:0 0 6px}
th,td{padding:5px 10px;text-align:right;vertical-align:top}th.l,td.l{text-align:left}
td{white-space:nowrap}td.w{white-space:normal;min-width:22ch}
thead th{border-top:2px solid var(--ink);border-bottom:1px solid var(--ink)}
tbody:last-child tr:last-child td{border-bottom:2px solid var(--ink)}
tbody th{text-align:left;font-style:italic;font-weight:400;padding-top:12px;color:var(--dim)}
.note{color:var(--dim);font-size:13px;margin:8px 0;max-width:80ch}
.badge{display:inline-block;border:1px solid currentColor;border-radius:4px;padding:0 7px;font-size:12px;font-weight:700;
letter-spacing:.02em;white-space:nowrap}
.limits{color:var(--dim);font-size:12px}
.good{color:var(--good)}.part{color:var(--part)}.bad{color:var(--bad)}.open{color:var(--open)}
.claim{border-left:3px solid var(--line);padding:1px 0 1px 14px;margin:6px 0;break-inside:avoid}
.claim summary{color:inherit}.claim p{margin:3px 0}.claim .facts{font-variant-numeric:tabular-nums}
.count{display:inline-block;margin:0 14px 2px 0;white-space:nowrap}a{color:inherit}
figure.sample img{max-width:100%;background:#fff;border:1px solid var(--line)}
figure{margin:20px 0}figure svg{max-width:100%;height:auto}figcaption{color:var(--dim);font-size:13px;max-width:80ch}
details{margin:16px 0}summary{cursor:pointer;color:var(--dim)}
@page{margin:14mm}
@media print{body{max-width:none;padding:0;font-size:10pt}table{font-size:8.5pt}th,td{padding:3px 5px}
.wide{overflow:visible}figure,tbody,.claim{break-inside:avoid}h2,h3{break-after:avoid}}
)css";

std::string_view ClassOf(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "good";
    case Tone::kPartial:
      return "part";
    case Tone::kBad:
      return "bad";
    case Tone::kOpen:
      return "open";
  }
  return "open";
}

std::string_view AlignClass(const Column& column) { return column.align == Align::kLeft ? " class=\"l\"" : ""; }

std::string RenderTable(const Table& table) {
  std::string html =
      fmt::format("<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead><tr>", EscapeXml(table.caption));
  for (const Column& column : table.columns) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", AlignClass(column), EscapeXml(column.title));
  }
  html += "</tr></thead>\n";
  for (const Table::Band& band : table.bands) {
    html += "<tbody>\n";
    if (!band.heading.empty()) {
      html += fmt::format("<tr><th colspan=\"{}\" scope=\"rowgroup\">{}</th></tr>\n", table.columns.size(),
                          EscapeXml(band.heading));
    }
    for (const auto& row : band.rows) {
      html += "<tr>";
      for (std::size_t c = 0; c < row.size(); ++c) {
        html += fmt::format("<td{}>{}</td>", AlignClass(table.columns[c]), EscapeXml(row[c]));
      }
      html += "</tr>\n";
    }
    html += "</tbody>\n";
  }
  return html + "</table></div>\n";
}

std::string Badge(const Finding& finding) {
  const std::string limits =
      finding.limits.empty() ? "" : fmt::format(" <span class=\"limits\">{}</span>", EscapeXml(finding.limits));
  return fmt::format("<span class=\"badge {}\">{}</span>{}", ClassOf(finding.tone), EscapeXml(finding.verdict), limits);
}

// One line a section: how its claims came out.
std::string RenderOverview(const Document& document) {
  std::string html =
      "<div class=\"wide\"><table>\n<caption>Verdicts</caption>\n<thead><tr><th class=\"l\" scope=\"col\">table or "
      "figure"
      "</th><th class=\"l\" scope=\"col\">claims</th></tr></thead>\n<tbody>\n";
  for (const Section& section : document.sections) {
    std::string counts;
    for (const VerdictCount& count : section.counts) {
      counts += fmt::format("<span class=\"count\">{} <span class=\"badge {}\">{}</span></span>", count.count,
                            ClassOf(count.tone), EscapeXml(count.verdict));
    }
    html += fmt::format("<tr><td class=\"l w\"><a href=\"#{}\">{}</a></td><td class=\"l w\">{}</td></tr>\n",
                        EscapeXml(section.id), EscapeXml(section.title), counts);
  }
  return html + "</tbody>\n</table></div>\n";
}

// A line, which unfolds to how it was judged.
std::string RenderFinding(const Finding& finding) {
  std::string line;
  for (const std::string& part : {finding.effect, finding.n}) {
    line += part.empty() ? "" : fmt::format(" <span class=\"limits\">{}</span>", EscapeXml(part));
  }
  std::string html =
      fmt::format("<details class=\"claim\"><summary>{} {}{}</summary>\n<p class=\"open\">{}: {}</p>\n", Badge(finding),
                  EscapeXml(finding.claim), line, EscapeXml(finding.id), EscapeXml(finding.place));
  std::string facts;
  for (const auto& [name, value] : finding.facts) {
    facts += fmt::format("{}{} {}", facts.empty() ? "" : " · ", EscapeXml(name), EscapeXml(value));
  }
  if (!facts.empty()) {
    html += fmt::format("<p class=\"facts\">{}</p>\n", facts);
  }
  html += fmt::format("<p>{}.</p>\n", EscapeXml(finding.reason));
  if (!finding.rule.empty()) {
    html += fmt::format("<p class=\"note\">Rule: {}.</p>\n", EscapeXml(finding.rule));
  }
  return html + "</details>\n";
}

std::string Drawing(const Picture& picture) {
  return !picture.svg.empty() ? picture.svg
                              : fmt::format("<img alt=\"\" src=\"data:{};base64,{}\">\n", EscapeXml(picture.media_type),
                                            absl::Base64Escape(picture.bytes));
}

std::string RenderSection(const Section& section) {
  std::string html = fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n", EscapeXml(section.id), EscapeXml(section.title));
  if (!section.budget.empty()) {
    html += fmt::format("<p class=\"note\">{}</p>\n", EscapeXml(section.budget));
  }
  html += section.table.columns.empty() ? "" : RenderTable(section.table);
  for (const std::string& note : section.notes) {
    html += fmt::format("<p class=\"note\">{}</p>\n", EscapeXml(note));
  }
  for (const Picture& picture : section.pictures) {
    html += fmt::format("<figure{}>\n{}<figcaption>{}</figcaption>\n</figure>\n",
                        picture.svg.empty() ? " class=\"sample\"" : "", Drawing(picture), EscapeXml(picture.caption));
  }
  if (!section.findings.empty()) {
    html += "<h3>Claims</h3>\n";
    for (const Finding& finding : section.findings) {
      html += RenderFinding(finding);
    }
  }
  if (!section.runs.columns.empty()) {
    html += fmt::format("<details><summary>{}</summary>\n{}</details>\n", EscapeXml(section.runs.caption),
                        RenderTable(section.runs));
  }
  return html + "</section>\n";
}

}  // namespace

std::string RenderHtml(const Document& document) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">\n<title>{0}</title>\n<style>{1}</style>\n"
      "</head>\n<body>\n<h1>{0}</h1>\n<dl class=\"about\">\n",
      EscapeXml(document.title), kStyle);
  for (const auto& [name, value] : document.about) {
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", EscapeXml(name), EscapeXml(value));
  }
  html += "</dl>\n" + (document.sections.size() > 1 ? RenderOverview(document) : "");
  for (const Section& section : document.sections) {
    html += RenderSection(section);
  }
  if (!document.command.empty()) {
    html += fmt::format("<h2>Regenerate</h2>\n<pre>{}</pre>\n", EscapeXml(document.command));
  }
  return html + "</body>\n</html>\n";
}

}  // namespace normlab::report
